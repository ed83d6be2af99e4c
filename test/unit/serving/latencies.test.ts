import { expect, test } from 'vitest';
import { interTokenLatencies, latenciesOf } from '../../../core/serving/latencies.js';
import { answered, request } from '../../support/requests.js';

test('scheduled latencies hold what service latencies leave out: the wait for the socket', () => {
  const found = latenciesOf(
    answered({ intended: 10, dispatched: 13, ttft: 0.5, tpot: 0.25, chunks: [1, 1, 1] }),
  );
  expect(found.scheduled).toEqual({ ttft: 3.5, firstAnswer: 3.5, e2e: 4 });
  expect(found.service).toEqual({ ttft: 0.5, firstAnswer: 0.5, e2e: 1 });
});

test('time per output token divides by the tokens after the first chunk, however many are in a chunk', () => {
  for (const chunks of [
    [1, 1, 1, 1, 1, 1],
    [3, 3],
    [4, 1, 1],
    [1, 5],
  ]) {
    expect(latenciesOf(answered({ intended: 0, ttft: 1, tpot: 0.125, chunks })).tpot).toBe(0.125);
  }
  expect(latenciesOf(answered({ intended: 0, ttft: 1, tpot: 0.125, chunks: [2, 2] })).tokensPerSecond).toBe(
    8,
  );
});

test('what a request never came to is null', () => {
  expect(latenciesOf(answered({ intended: 0, ttft: 1, tpot: 0.1, chunks: [6] })).tpot).toBeNull();
  const broken = {
    ...answered({ intended: 0, ttft: 1, tpot: 0.1, chunks: [1, 1] }),
    outcome: 'broken' as const,
  };
  expect(latenciesOf(broken)).toMatchObject({ service: { ttft: 1, e2e: null }, tpot: null });
  expect(latenciesOf(request({ intended: 2 }))).toEqual({
    scheduled: { ttft: null, firstAnswer: null, e2e: null },
    service: { ttft: null, firstAnswer: null, e2e: null },
    tpot: null,
    tokensPerSecond: null,
  });
  expect(
    latenciesOf({ ...answered({ intended: 0, ttft: 1, tpot: 1, chunks: [1, 1] }), outputTokens: null }).tpot,
  ).toBeNull();
});

test('reasoning counts as tokens, and not as the answer', () => {
  const found = latenciesOf({
    ...answered({ intended: 1, ttft: 0.5, tpot: 0.5, chunks: [1, 1, 1] }),
    firstAnswer: 2.5,
  });
  expect(found.service).toEqual({ ttft: 0.5, firstAnswer: 1.5, e2e: 1.5 });
});

test('a chunk of n tokens is one gap of chunks, and n of tokens', () => {
  const both = [
    answered({ intended: 0, ttft: 1, tpot: 0.25, chunks: [2, 4, 1] }),
    answered({ intended: 0, ttft: 1, tpot: 0.5, chunks: [1, 1] }),
  ];
  const { perChunk, perToken } = interTokenLatencies(both);
  expect([...perChunk]).toEqual([1, 0.25, 0.5]);
  expect([...perToken]).toEqual([0.25, 0.25, 0.25, 0.25, 0.25, 0.5]);
  const single = interTokenLatencies(both.slice(1));
  expect(single.perToken).toBe(single.perChunk);
});
