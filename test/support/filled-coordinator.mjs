// The built coordinator on a log, in a process of its own that says what its start took and weighs itself when asked.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { startCoordinator } from '../../dist/coordinator/main.js';

const before = process.cpuUsage();
const begun = performance.now();
const coordinator = await startCoordinator({
  grpcAddress: '127.0.0.1:0',
  metricsAddress: '127.0.0.1:0',
  webAddress: '127.0.0.1:0',
  log: { kind: 'sqlite', path: process.argv[2] },
  logLevel: 'error',
});
const seconds = (performance.now() - begun) / 1000;
const { user, system } = process.cpuUsage(before);

function heapBytes() {
  for (let i = 0; i < 3; i += 1) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

function tell(what) {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

const { grpcAddress, webUrl } = coordinator;
tell({ start: { seconds, cpuSeconds: (user + system) / 1e6 }, heapBytes: heapBytes(), grpcAddress, webUrl });
createInterface({ input: process.stdin }).on('line', () => {
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
  const used = process.cpuUsage();
  const cpuSeconds = (used.user + used.system) / 1e6;
  tell({ heapBytes: heapBytes(), peakResidentBytes: Number(peak?.[1] ?? 0) * 1024, cpuSeconds });
});
