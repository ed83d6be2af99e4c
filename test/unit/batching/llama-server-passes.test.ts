import { expect, test } from 'vitest';
import type { TokenLoad } from '../../../batching/load.js';
import { aloneRequest } from '../../../batching/request.js';
import { summaryOf } from '../../../batching/run.js';
import { schedulerNamed } from '../../../batching/schedulers/index.js';
import { equalPasses } from '../../../batching/schedulers/llama-server/passes.js';
import type { Scheduler } from '../../../batching/schedulers/scheduler.js';
import { simulateBatching } from '../../../batching/simulate.js';

const decoding = (slot: number) => ({ slot, chunk: null });
const reading = (slot: number, newTokens: number, cachedTokens = 0) => ({
  slot,
  chunk: { newTokens, cachedTokens },
});

test('slots beside each other decode in one pass, and a gap makes it two', () => {
  expect(equalPasses([0, 1, 2].map(decoding), 512)).toEqual([{ decodes: 3, chunks: [] }]);
  expect(equalPasses([0, 1, 3].map(decoding), 512)).toEqual([
    { decodes: 2, chunks: [] },
    { decodes: 1, chunks: [] },
  ]);
});

test('a prompt beside decodes has its first token with them, and the rest in a pass of its own', () => {
  expect(equalPasses([decoding(0), decoding(1), reading(2, 32)], 512)).toEqual([
    { decodes: 2, chunks: [{ newTokens: 1, cachedTokens: 0 }] },
    { decodes: 0, chunks: [{ newTokens: 31, cachedTokens: 1 }] },
  ]);
  // Prompts come last in the batch: slot 0 is not behind slot 1.
  expect(equalPasses([decoding(1), reading(0, 4, 2)], 512)).toEqual([
    { decodes: 1, chunks: [] },
    { decodes: 0, chunks: [{ newTokens: 4, cachedTokens: 2 }] },
  ]);
});

test('two prompts share a pass up to the end of the shorter one, and none is longer than a pass', () => {
  expect(equalPasses([reading(0, 10), reading(1, 14)], 8)).toEqual([
    { decodes: 0, chunks: [reading(0, 4).chunk, reading(1, 4).chunk] },
    { decodes: 0, chunks: [reading(0, 4, 4).chunk, reading(1, 4, 4).chunk] },
    { decodes: 0, chunks: [reading(0, 2, 8).chunk, reading(1, 2, 8).chunk] },
    { decodes: 0, chunks: [reading(1, 4, 10).chunk] },
  ]);
});

const two: TokenLoad = {
  requests: [aloneRequest(4, 3), aloneRequest(6, 3)],
  arrival: { kind: 'offline' },
  seed: 1,
  maxSeconds: null,
  maxRequests: null,
  maxConcurrency: null,
  says: '',
};

/** Seconds until both are answered, where every pass takes one. */
function seconds(kvUnified: boolean): number {
  const scheduler = schedulerNamed('llama-server', { parallel: 2, ubatchSize: 16, kvUnified }) as Scheduler;
  const server = {
    scheduler,
    step: { secondsOf: () => 1 },
    cacheTokens: 1024,
    requestSeconds: 0,
    replicas: 1,
  };
  const run = simulateBatching(two, server);
  expect(summaryOf(run).complete).toBe(2);
  return run.seconds;
}

test('a step takes as long as its passes together', () => {
  // Both prompts share a pass, or 4 tokens of each do; two steps of decodes follow.
  expect(seconds(true)).toBe(3);
  expect(seconds(false)).toBe(4);
  const apart = schedulerNamed('llama-server', { parallel: 4, ubatchSize: 512 }) as Scheduler;
  expect(apart.says).toContain('a cache for each slot');
});
