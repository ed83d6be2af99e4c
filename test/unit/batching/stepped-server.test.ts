import { describe, expect, test } from 'vitest';
import { readTiming } from '../../../batching/read-timing.js';
import { aloneRequest } from '../../../batching/request.js';
import { SCHEDULED_ENGINES } from '../../../batching/schedulers/index.js';
import { simulateBatching } from '../../../batching/simulate.js';
import { type ServerStep, SteppedServer } from '../../../batching/stepped-server.js';
import { loadAt, plainSeconds, requestAt, serverOf, uniforms } from './support.js';

const SMALL = { maxNumBatchedTokens: 64, maxNumSeqs: 8 };

/** Steps until nothing is left; at most so many, for a scheduler must not run for ever. */
function finished(own: SteppedServer, most = 10_000): ServerStep[] {
  const steps: ServerStep[] = [];
  for (let step = own.step(); step !== null; step = own.step()) {
    steps.push(step);
    if (steps.length > most) throw new Error('it does not end');
  }
  return steps;
}

const plain = () => new SteppedServer('', serverOf('vllm', SMALL, { cacheTokens: 128 }));

describe('a server that is stepped', () => {
  test.each(SCHEDULED_ENGINES)('says what a simulation says: %s', (engine) => {
    const uniform = uniforms(4);
    const requests = Array.from({ length: 60 }, () =>
      requestAt(0, 1 + Math.floor(100 * uniform()), 1 + Math.floor(30 * uniform())),
    );
    const server = serverOf(engine, {}, { cacheTokens: 600, step: { secondsOf: plainSeconds } });
    const run = simulateBatching(loadAt(requests), server, undefined, { stepByStep: true });
    const own = new SteppedServer('', server);
    for (const request of requests) own.arrive(request, 0);
    const done: number[] = [];
    const counts = requests.map(() => 0);
    for (const { answered, endSeconds } of finished(own))
      for (const id of answered) {
        counts[id]! += 1;
        done[id] = endSeconds;
      }
    expect(counts).toEqual(requests.map(({ outputTokens }) => outputTokens));
    expect(done).toEqual([...run.requests.done.values()]);
  });

  test('begins when a request comes, and sees who comes during a step at its end', () => {
    const own = plain();
    expect(own.step()).toBeNull();
    own.arrive(aloneRequest(8, 3), 100.5);
    expect(own.step()).toEqual({ endSeconds: 101.5, answered: [0] });
    own.arrive(aloneRequest(8, 1), 101.2);
    expect([own.running, own.waiting]).toEqual([1, 1]);
    // It schedules a step ahead.
    expect(own.step()!.answered).toEqual([0]);
    expect(own.step()!.answered).toEqual([0, 1]);
    expect(own.step()).toBeNull();
    // A clock that runs a little late keeps nobody waiting.
    own.arrive(aloneRequest(8, 2), 104);
    own.step();
    own.arrive(aloneRequest(8, 1), 105.1);
    expect(finished(own).flatMap(({ answered }) => answered)).toEqual([2, 3]);
  });

  test('forgets a request whose client is gone: running, in part, waiting or just come', () => {
    const own = new SteppedServer(
      '',
      serverOf('trtllm', { maxBatchSize: 2, maxNumTokens: 40 }, { cacheTokens: 256 }),
    );
    const ids = [30, 30, 60].map((tokens) => own.arrive(aloneRequest(tokens, 20), 0));
    own.step();
    ids.push(own.arrive(aloneRequest(9, 9), 0.5));
    for (const id of ids) own.leave(id);
    expect([own.running, own.waiting, own.step()]).toEqual([0, 0, null]);
    own.leave(ids[0]!);
    // All of the cache is free again.
    const [one, other] = [own.arrive(aloneRequest(30, 98), 9), own.arrive(aloneRequest(9, 118), 9)];
    expect(own.step()!.answered).toEqual([one, other]);
  });

  test('knows the beginning of a prompt that it has computed', () => {
    const own = plain();
    const request = { ...aloneRequest(40, 1), beginning: [{ id: 5, tokens: 40 }] };
    const cached = [0, 10].map((seconds) => {
      const id = own.arrive(request, seconds);
      finished(own);
      return own.cachedTokens(id);
    });
    expect(cached).toEqual([0, 32]);
  });
});

function timed(words: string): SteppedServer {
  const timing = readTiming(words);
  const server = typeof timing === 'string' ? timing : timing(null);
  if (typeof server === 'string') throw new Error(server);
  return server;
}

describe('words of a timing', () => {
  test.each(['vllm', 'sglang', 'trtllm'])(
    'are device, engine, model and what it is served in: %s',
    (engine) => {
      const [one, quantized] = [`h100:${engine}:llama-3.1-8b`, `2xh100:${engine}:llama-3.1-8b:fp8`].map(
        timed,
      );
      expect(one!.says).toContain('on NVIDIA H100');
      expect(one!.refusal(1000, 999_000)).toContain('more than the 131072 of the model');
      expect(quantized!.says).toContain('tokens in the cache of a replica');
      one!.arrive(aloneRequest(1000, 2), 0);
      const [prompt, token] = [one!.step()!.endSeconds, one!.step()!.endSeconds];
      expect(prompt).toBeGreaterThan(token - prompt);
      // Weights of 16 GB at 3.35 TB/s.
      expect(token - prompt).toBeGreaterThan(0.004);
      expect(token - prompt).toBeLessThan(0.02);
    },
  );

  test('make servers of as many sequences as they are told', () => {
    const timing = readTiming('h100:sglang:llama-3.1-8b');
    if (typeof timing === 'string') throw new Error(timing);
    expect(timing(7)).toHaveProperty('says', expect.stringContaining('7 sequences'));
  });

  test.each([
    ['h100', 'names no timing'],
    ['h1000:vllm:llama-3.1-8b', 'no GPU "h1000"'],
    ['epyc-7763:vllm:llama-3.1-8b', 'no GPU'],
    ['h100:vlm:llama-3.1-8b', 'did you mean vllm?'],
    ['h100:vllm:llama-9', 'no published model'],
    ['h100:vllm:llama-3.1-8b:q4_k_m', 'serves q4_k_m'],
    ['h100:vllm:llama-3.1-70b', 'does not fit'],
    ['3xh100:vllm:llama-3.1-8b', 'cannot be shared evenly by 3'],
  ])('%s is one sentence', (words, message) => {
    expect(readTiming(words)).toContain(message);
  });
});
