import { describe, expect, test } from 'vitest';
import { summarizeServing, wholeRun } from '../../../core/serving/summary.js';
import { answered, request } from '../../support/requests.js';

/** One a second, ten tokens each, faster than they are asked for. */
const steady = Array.from({ length: 700 }, (_, index) =>
  answered({
    index,
    intended: index,
    dispatched: index + 0.125,
    ttft: 0.25,
    tpot: 0.03125,
    chunks: [2, 2, 2, 2, 2],
  }),
);

describe('what a run says', () => {
  const all = [
    ...steady,
    request({ index: 700, intended: 350, dispatched: 350, outcome: 'timed-out', done: 400 }),
    request({ index: 701, intended: 699, outcome: 'unfinished' }),
    request({ index: 702, intended: 900, dispatched: 900, outcome: 'broken', firstToken: 901, done: 902 }),
  ];
  const found = summarizeServing(all, { fromSeconds: 0, toSeconds: 699.125 });

  test('counts the requests of its window by how they ended', () => {
    expect(found.requests).toBe(702);
    expect(found.outcomes).toEqual({
      complete: 700,
      refused: 0,
      rejected: 0,
      'server-error': 0,
      broken: 0,
      'timed-out': 1,
      unfinished: 1,
    });
  });

  test('divides the tokens of its complete answers by the time in which they were dispatched', () => {
    const { throughput } = found;
    expect(throughput.requestsPerSecond).toBeCloseTo(700 / 699.125, 12);
    expect(throughput.outputTokensPerSecond).toBeCloseTo(7000 / 699.125, 12);
    expect(throughput.promptTokensPerSecond).toBeCloseTo(70_000 / 699.125, 9);
    expect(throughput.tokensPerSecondPerUser).toBeCloseTo(32, 9);
  });

  test('has every latency with its bound, or why there is none', () => {
    const { scheduled, service, tpot, itlPerChunk, itlPerToken } = found.latencies;
    expect(scheduled.ttft).toMatchObject({
      count: 700,
      mean: 0.375,
      p99: { value: 0.375, upper: 0.375, reason: null },
    });
    expect(service.e2e).toMatchObject({ count: 700, mean: 0.5 });
    expect(tpot.p90).toEqual({ value: 0.03125, upper: 0.03125, reason: null });
    expect(itlPerChunk).toMatchObject({
      count: 2800,
      mean: 0.0625,
      p50: { upper: null, reason: expect.stringContaining('depend') },
    });
    expect(itlPerToken).toMatchObject({ count: 5600, mean: 0.03125 });
    const few = summarizeServing(steady.slice(0, 100), { fromSeconds: 0, toSeconds: 1000 });
    expect(few.latencies.tpot.p90.upper).toBe(0.03125);
    expect(few.latencies.tpot.p99).toMatchObject({
      value: 0.03125,
      upper: null,
      reason: expect.stringContaining('662'),
    });
  });

  test('says how many chunks there were', () => {
    expect(found.chunks).toBe(3500);
  });
});

test('counts that do not agree are told', () => {
  const one = answered({ intended: 0, ttft: 1, tpot: 1, chunks: [1, 1, 1, 1] });
  const found = summarizeServing(
    [
      { ...one, wantedTokens: 8, usage: { promptTokens: 113, completionTokens: 5 } },
      { ...one, usage: { promptTokens: null, completionTokens: 4 } },
      { ...one, wantedTokens: null, usage: null },
      { ...one, outcome: 'broken', wantedTokens: 400 },
    ],
    { fromSeconds: 0, toSeconds: 0 },
  );
  expect(found.outputLength).toBe(8 / 12 - 1);
  expect(found.usage).toEqual({ prompt: 113 / 100 - 1, completion: 9 / 8 - 1 });
  expect(found.throughput.outputTokensPerSecond).toBeNull();
});

test('tokens that nobody counted make no throughput', () => {
  const found = summarizeServing([...steady.slice(0, 5), { ...steady[5]!, outputTokens: null }], {
    fromSeconds: 0,
    toSeconds: 10,
  });
  expect(found.throughput).toMatchObject({ requestsPerSecond: 0.6, outputTokensPerSecond: null });
});

test('a window without a request has no latency, and no number in its place', () => {
  const { latencies, chunks, outputLength } = summarizeServing(steady, { fromSeconds: -2, toSeconds: -1 });
  expect(latencies.tpot).toMatchObject({ count: 0, mean: null, p50: { value: null, upper: null } });
  expect(chunks).toBe(0);
  expect(outputLength).toBeNull();
});

test('the whole run goes from the first start to the last end', () => {
  expect(wholeRun([])).toBeNull();
  expect(wholeRun(steady)).toEqual({ fromSeconds: 0.125, toSeconds: 699.625 });
  expect(wholeRun([request({ intended: 5 })])).toEqual({ fromSeconds: 5, toSeconds: 5 });
});
