// A coordinator in a process of its own, for tests that kill it. Prints its address when it is ready.
import { startCoordinator } from '../../coordinator/main.js';

const [path = '', grpcAddress = '127.0.0.1:0'] = process.argv.slice(2);
const coordinator = await startCoordinator({
  grpcAddress,
  metricsAddress: null,
  log: { kind: 'sqlite', path },
  logLevel: 'error',
});
process.stdout.write(`${coordinator.grpcAddress}\n`);
