import { parentPort } from 'node:worker_threads';
import { planSweep } from './planning.js';
import type { SweepQuestion } from './sweep-reader.js';

// A program of its own (see sweep-reader.ts): reads the documents that it is sent, one after the other.
parentPort?.on('message', ({ document, models }: SweepQuestion) => {
  parentPort?.postMessage(planSweep(document, models));
});
