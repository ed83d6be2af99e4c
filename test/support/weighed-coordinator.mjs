// A coordinator in a process of its own (node --expose-gc), as it is built: what loads its sources weighs as
// much as a thousand agents. For tests that weigh it. Its argument is its configuration as JSON. Prints its
// address; then answers each line of its input with what it weighs, as JSON, garbage collected first.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCoordinator } from '../../dist/coordinator/main.js';
import { keepHeapSmall } from '../../dist/process/isolation/heap.js';

// As `ridge coordinator` does.
keepHeapSmall();
const coordinator = await startCoordinator({
  grpcAddress: 'localhost:0',
  metricsAddress: null,
  logLevel: 'error',
  ...JSON.parse(process.argv[2] ?? '{}'),
});
process.stdout.write(`${coordinator.grpcAddress}\n`);
for await (const _line of createInterface(process.stdin)) {
  // Before the collection, which is itself a moment of much memory.
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const { user, system } = process.cpuUsage();
  const cpuSeconds = (user + system) / 1e6;
  // Twice: what a finalizer lets go of in the first is free only in the second.
  for (let turn = 0; turn < 2; turn += 1) {
    await sleep(20);
    globalThis.gc?.();
  }
  const { heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ liveBytes: heapUsed + external, peakBytes, cpuSeconds })}\n`);
}
