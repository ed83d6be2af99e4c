import { describe, expect, test } from 'vitest';
import { readTiming } from '../../../batching/read-timing.js';
import {
  type ServerStep,
  type SteppedFlags,
  type SteppedServer,
  SteppedVllm,
} from '../../../batching/stepped.js';
import type { StepBatch } from '../../../roofline/step/setting.js';

const FLAGS: SteppedFlags = { maxNumBatchedTokens: 64, maxNumSeqs: 8 };
const BLOCK = 16;

/** A server whose steps take a second, and what they were asked for. */
function server(cacheTokens = 16_384, flags: Partial<SteppedFlags> = {}) {
  const batches: StepBatch[] = [];
  const step = {
    secondsOf: (batch: StepBatch) => {
      batches.push(batch);
      return 1;
    },
  };
  return { batches, own: new SteppedVllm('a fake', step, cacheTokens, BLOCK, { ...FLAGS, ...flags }) };
}

/** Steps until nothing is left; at most so many, for a scheduler must not run for ever. */
function finished(own: SteppedVllm, most = 10_000): ServerStep[] {
  const steps: ServerStep[] = [];
  for (let step = own.step(); step !== null; step = own.step()) {
    steps.push(step);
    if (steps.length > most) throw new Error('it does not end');
  }
  return steps;
}

/** Tokens that each request had. */
function tokensOf(steps: readonly ServerStep[]): number[] {
  const counts: number[] = [];
  for (const id of steps.flatMap(({ answered }) => answered)) counts[id] = (counts[id] ?? 0) + 1;
  return counts;
}

describe('a server that is stepped', () => {
  test('computes a prompt, then a token a step', () => {
    const { own, batches } = server();
    expect(own.step()).toBeNull();
    own.arrive(40, 3);
    expect(finished(own)).toEqual(Array.from({ length: 3 }, () => ({ seconds: 1, answered: [0] })));
    expect(batches).toEqual([
      { decodes: 0, contextTokens: 0, chunks: [{ newTokens: 40, cachedTokens: 0 }] },
      { decodes: 1, contextTokens: 41, chunks: [] },
      { decodes: 1, contextTokens: 42, chunks: [] },
    ]);
    expect([own.running, own.waiting]).toEqual([0, 0]);
  });

  test('cuts a long prompt, beside tokens of those that run', () => {
    const { own, batches } = server();
    own.arrive(10, 5);
    own.step();
    own.arrive(100, 1);
    finished(own);
    expect(batches.slice(1, 3)).toEqual([
      { decodes: 1, contextTokens: 11, chunks: [{ newTokens: 63, cachedTokens: 0 }] },
      { decodes: 1, contextTokens: 12, chunks: [{ newTokens: 37, cachedTokens: 63 }] },
    ]);
  });

  test('takes requests in the order in which they came, and no more than may run at once', () => {
    const { own } = server(16_384, { maxNumSeqs: 2 });
    for (let i = 0; i < 5; i++) own.arrive(8, 4);
    own.step();
    expect([own.running, own.waiting]).toEqual([2, 3]);
    const firsts = new Set(finished(own).flatMap(({ answered }) => answered));
    expect([...firsts]).toEqual([0, 1, 2, 3, 4]);
  });

  test('preempts the newest where blocks run out, and answers all of them in full anyway', () => {
    // Four blocks, and each of two requests grows to three.
    const { own, batches } = server(64);
    own.arrive(30, 16);
    own.arrive(30, 16);
    expect(tokensOf(finished(own))).toEqual([16, 16]);
    const again = batches.filter(({ chunks }) => chunks.some(({ newTokens }) => newTokens > 30));
    expect(again).toHaveLength(1);
  });

  test('forgets a request whose client is gone, running or waiting', () => {
    const { own } = server(64, { maxNumSeqs: 1 });
    for (const id of [own.arrive(30, 16), own.arrive(30, 16)]) {
      if (id === 0) own.step();
      own.leave(id);
    }
    expect([own.running, own.waiting, own.step()]).toEqual([0, 0, null]);
    own.arrive(60, 4);
    expect(tokensOf(finished(own))[2]).toBe(4);
  });

  test('answers thousands of requests of any size in full', () => {
    const { own } = server(2048, { maxNumSeqs: 16 });
    const sizes = Array.from(
      { length: 2000 },
      (_, i) => [1 + ((i * 37) % 300), 1 + ((i * 53) % 40)] as const,
    );
    for (const [prompt, answer] of sizes) own.arrive(prompt, answer);
    expect(tokensOf(finished(own, 100_000))).toEqual(sizes.map(([, answer]) => answer));
  });
});

function timed(words: string): SteppedServer {
  const timing = readTiming(words);
  if (typeof timing === 'string') throw new Error(timing);
  return timing();
}

describe('words of a timing', () => {
  test('are device, engine, model and what it is served in', () => {
    const [one, quantized] = ['h100:vllm:llama-3.1-8b', '2xh100:vllm:llama-3.1-8b:fp8'].map(timed);
    expect(one!.source).toContain('tables of vLLM');
    expect(quantized!.mostTokens).toBeGreaterThan(one!.mostTokens);
    one!.arrive(1000, 2);
    const [prompt, token] = [one!.step()!.seconds, one!.step()!.seconds];
    expect(prompt).toBeGreaterThan(token);
    // Weights of 16 GB at 3.35 TB/s.
    expect(token).toBeGreaterThan(0.004);
    expect(token).toBeLessThan(0.02);
  });

  test.each([
    ['h100', 'names no timing'],
    ['h1000:vllm:llama-3.1-8b', 'no GPU "h1000"'],
    ['epyc-7763:vllm:llama-3.1-8b', 'no GPU'],
    ['h100:vlm:llama-3.1-8b', 'did you mean vllm?'],
    ['h100:sglang:llama-3.1-8b', 'name vllm'],
    ['h100:vllm:llama-9', 'no published model'],
    ['h100:vllm:llama-3.1-8b:q4_k_m', 'in no q4_k_m'],
    ['h100:vllm:llama-3.1-70b', 'does not fit'],
    ['3xh100:vllm:llama-3.1-8b', 'cannot be shared evenly by 3'],
  ])('%s is one sentence', (words, message) => {
    expect(readTiming(words)).toContain(message);
  });
});
