// A coordinator in a process of its own, for tests that kill it or fill its disk. Prints its address when it is ready, and
// where its metrics are, when they are asked for.
import { startCoordinator } from '../../coordinator/main.js';

const [path = '', grpcAddress = '127.0.0.1:0', metricsAddress = null] = process.argv.slice(2);
const coordinator = await startCoordinator({
  grpcAddress,
  metricsAddress,
  log: { kind: 'sqlite', path },
  logLevel: metricsAddress === null ? 'error' : 'warn',
});
const { metricsUrl } = coordinator;
process.stdout.write(`${coordinator.grpcAddress}${metricsUrl === null ? '' : ` ${metricsUrl}`}\n`);
