import { describe, expect, test } from 'vitest';
import { type CacheLink, disaggregated } from '../../../batching/disaggregated.js';
import type { TokenRequest } from '../../../batching/request.js';
import { recordsOf, summaryOf, tokenSecondsOf } from '../../../batching/run.js';
import type { BatchingServer } from '../../../batching/server.js';
import { simulateBatching } from '../../../batching/simulate.js';
import { loadAt, plainSeconds, requestAt, serverOf, textAt, uniforms } from './support.js';

const SYNC = { maxNumBatchedTokens: 64, maxNumSeqs: 8, asyncScheduling: false };
/** A token a second, and half a second on the way. */
const LINK: CacheLink = { bytesPerSecond: 10, latencySeconds: 0.5, bytesPerToken: 10 };

function apart(
  requests: readonly TokenRequest[],
  prefill: Partial<BatchingServer> = {},
  decode: Partial<BatchingServer> = {},
) {
  const server = disaggregated(serverOf('vllm', SYNC, prefill), serverOf('vllm', SYNC, decode), LINK);
  return simulateBatching(loadAt(requests), server);
}

const firsts = (run: ReturnType<typeof apart>) => [...run.requests.firstToken.values()];

describe('prefill and decode apart', () => {
  test('a prompt is computed, goes over the link, and is decoded', () => {
    const run = apart([requestAt(0, 4, 3)]);
    // A step, 4 s and a half on the link, and two steps.
    expect(tokenSecondsOf(run, 0)).toEqual([5.5, 6.5, 7.5]);
    expect(run.requests.done.at(0)).toBe(7.5);
    expect([run.steps, run.busySeconds, run.requests.server.at(0)]).toEqual([3, 3, 1]);
    expect(recordsOf(run)[0]).toMatchObject({ outcome: 'complete', firstToken: 5.5, outputTokens: 3 });
  });

  test('an answer of one token needs no second server', () => {
    expect(tokenSecondsOf(apart([requestAt(0, 4, 1)]), 0)).toEqual([1]);
  });

  test('prompts do not hold up who decodes', () => {
    const run = apart([requestAt(0, 2, 6), requestAt(3, 200, 1)]);
    expect(tokenSecondsOf(run, 0)).toEqual([3.5, 4.5, 5.5, 6.5, 7.5, 8.5]);
  });

  test('a link takes one prompt after the other, and each server has its own', () => {
    const requests = [requestAt(0, 4, 2), requestAt(0, 4, 2)];
    expect(firsts(apart(requests))).toEqual([5.5, 9.5]);
    expect(firsts(apart(requests, { replicas: 2 }))).toEqual([5.5, 5.5]);
  });

  test('a prompt stays where it was computed until a decoding server has room for its answer', () => {
    const requests = [requestAt(0, 4, 20), requestAt(0, 4, 20)];
    // Two blocks of 16 are the room for one of them.
    const [one, other] = [apart(requests, {}, { cacheTokens: 32 }), apart(requests, {}, { cacheTokens: 64 })];
    expect(firsts(one)).toEqual([5.5, one.requests.done.at(0) + 4.5]);
    expect(firsts(other)).toEqual([5.5, 9.5]);
    expect(firsts(apart(requests, {}, { cacheTokens: 32, replicas: 2 }))).toEqual([5.5, 9.5]);
    // A server that is full of computed prompts computes no other.
    const full = apart([...requests, requestAt(0, 4, 1)], { cacheTokens: 32 }, { cacheTokens: 32 });
    expect(full.requests.firstToken.at(2)).toBe(6.5);
    expect(summaryOf(full).complete).toBe(3);
  });

  test('the cache of prompts works on servers that compute them', () => {
    const run = apart([textAt(0, 7, 40, 2), textAt(100, 7, 40, 2)]);
    expect([...run.requests.cachedTokens.values()]).toEqual([0, 32]);
  });

  test('refuses what one of the two has no room for', () => {
    const run = apart(
      [requestAt(0, 100, 1), requestAt(0, 20, 100)],
      { cacheTokens: 64 },
      { cacheTokens: 64 },
    );
    expect([...run.refusals.values()]).toEqual([
      '101 tokens have no room in a cache of 64',
      '120 tokens have no room in a cache of 64',
    ]);
  });

  test('says servers and link', () => {
    const server = disaggregated(serverOf('trtllm', {}), serverOf('trtllm', {}, { replicas: 3 }), {
      bytesPerSecond: 50e9,
      latencySeconds: 1e-5,
      bytesPerToken: 131_072,
    });
    expect(server.says).toContain('prompts on 1 replica and answers on 3 replicas');
    expect(server.says).toContain('over 50.0 GB/s of a replica and 10 µs; TensorRT-LLM');
  });

  test.each(['vllm', 'sglang', 'trtllm'])('answers all of a random load in full: %s', (engine) => {
    const uniform = uniforms(3);
    const upTo = (most: number) => 1 + Math.floor(most * uniform());
    const requests = Array.from({ length: 300 }, () => requestAt(upTo(20_000), upTo(250), upTo(60)));
    requests.sort((a, b) => a.atSeconds! - b.atSeconds!);
    const step = { secondsOf: plainSeconds };
    const server = disaggregated(
      serverOf(engine, {}, { cacheTokens: 600, step, replicas: 2 }),
      serverOf(engine, {}, { cacheTokens: 900, step, replicas: 3 }),
      LINK,
    );
    const run = simulateBatching(loadAt(requests), server);
    expect(run.endedEarly).toBeNull();
    expect(summaryOf(run)).toMatchObject({ complete: 300, refused: 0, preemptions: 0 });
    for (let i = 0; i < 300; i++) {
      const tokens = tokenSecondsOf(run, i);
      expect(tokens).toHaveLength(requests[i]!.outputTokens);
      expect(tokens.every((at, place) => place === 0 || at > tokens[place - 1]!)).toBe(true);
      expect(tokens[0]).toBe(run.requests.firstToken.at(i));
    }
    const times = ({ requests: own }: typeof run) => [...own.done.values()];
    expect(times(simulateBatching(loadAt(requests), server))).toEqual(times(run));
    expect(Math.max(...run.series.map(({ cacheTokens }) => cacheTokens))).toBeLessThanOrEqual(
      2 * 600 + 3 * 900,
    );
  });
});
