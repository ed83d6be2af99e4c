// A coordinator in a process of its own (node --expose-gc), for tests that weigh what it keeps. Prints its address; then
// answers each line of its input with its live heap in bytes, garbage collected first.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCoordinator } from '../../coordinator/main.js';

const coordinator = await startCoordinator({
  grpcAddress: '127.0.0.1:0',
  metricsAddress: null,
  log: { kind: 'sqlite', path: process.argv[2] ?? ':memory:' },
  logLevel: 'error',
});
process.stdout.write(`${coordinator.grpcAddress}\n`);
for await (const _line of createInterface(process.stdin)) {
  // Twice: what a finalizer lets go of in the first is free only in the second.
  for (let turn = 0; turn < 2; turn += 1) {
    await sleep(20);
    globalThis.gc?.();
  }
  const { heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${heapUsed + external}\n`);
}
