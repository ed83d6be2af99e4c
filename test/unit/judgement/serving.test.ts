import { describe, expect, test } from 'vitest';
import { columnsOf, requestsOf, type ServingRecord } from '../../../core/serving/record.js';
import type { RequestRecord } from '../../../core/serving/requests.js';
import { judge } from '../../../roofline/judge.js';
import { answered, request } from '../../support/requests.js';
import { calmInput, experiment } from './trace.js';

/** Every 0.1 s a request, its first token after 50 ms, 15 more of them 10 ms apart: known in every figure. */
const answers = (count: number): RequestRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    ...answered({ index, intended: index / 10, ttft: 0.05, tpot: 0.01, chunks: Array<number>(16).fill(1) }),
    wantedTokens: 16,
  }));

const recordOf = (
  requests: readonly RequestRecord[],
  changes: Partial<ServingRecord> = {},
): ServingRecord => ({
  server: 'test',
  startSeconds: 2,
  weightsLoadSeconds: null,
  kept: false,
  requests: columnsOf(requests),
  skippedTurns: 0,
  endedEarly: null,
  search: null,
  promptTokensBy: 'tokenizer',
  outputTokensBy: 'tokenizer',
  tokenizer: { name: 'gpt2', digest: 'sha256:0' },
  generator: {
    lag: { p50: 0, p99: 0.001, max: 0.002 },
    loopDelay: null,
    cpuSeconds: 0.1,
    seconds: 10,
    ceiling: null,
  },
  inside: {},
  insideAbsent: 'it has none',
  ...changes,
});

const ASKED = {
  ...experiment,
  runner: { kind: 'simulated-server', options: {} },
  workload: { kind: 'serving', options: { slo: 'ttft:max<=60ms' } },
};
const judged = (requests: readonly RequestRecord[], changes: Partial<ServingRecord> = {}, asked = ASKED) =>
  judge({
    ...calmInput({ experiment: asked }),
    phases: [{ name: 'serve', repeat: 0, startSeconds: 1, endSeconds: 11, tokens: 16 * requests.length }],
    tokenSeconds: [],
    serving: recordOf(requests, changes),
  });

describe('a server under load', () => {
  test('columns hold requests as they are', () => {
    const all = [...answers(3), request({ index: 3, intended: 0.3 })];
    expect(requestsOf(columnsOf(all))).toEqual(all);
  });

  test('rates are over the whole run, latencies from both starts, and goodput counts what kept the objective', () => {
    const all = answers(100);
    const late = answered({
      index: 100,
      intended: 9.9,
      dispatched: 10.2,
      ttft: 0.05,
      tpot: 0.01,
      chunks: [1],
    });
    const { measurements } = judged([...all, { ...late, wantedTokens: 1 }]);
    const seconds = 10.25;
    expect(measurements.requestsPerSecond).toMatchObject({ value: expect.closeTo(101 / seconds, 6) });
    expect(measurements.systemTokensPerSecond).toMatchObject({ value: expect.closeTo(1601 / seconds, 6) });
    expect(measurements.serviceTimeToFirstTokenP50Seconds).toMatchObject({ value: expect.closeTo(0.05, 9) });
    expect(measurements.requestTimePerOutputTokenP50Seconds).toMatchObject({
      value: expect.closeTo(0.01, 9),
    });
    expect(measurements.interTokenLatencyP50Seconds).toMatchObject({ value: expect.closeTo(0.01, 9) });
    // Its first token came 0.35 s after it was meant to start, and 0.05 s after it was sent.
    expect(measurements.goodRequestsRatio).toMatchObject({ value: expect.closeTo(100 / 101, 9) });
    expect(measurements.goodputRequestsPerSecond).toMatchObject({ value: expect.closeTo(100 / seconds, 6) });
    expect(measurements.failedRequestsRatio).toMatchObject({ value: 0 });
  });

  test('what failed stands in the denominator and is said once, with the first reason', () => {
    const failed = request({
      index: 10,
      intended: 1,
      dispatched: 1,
      done: 1.2,
      outcome: 'server-error',
      problem: 'It said 500.',
    });
    const { measurements, warnings, valid } = judged([...answers(9), failed]);
    expect(measurements.failedRequestsRatio).toMatchObject({ value: expect.closeTo(0.1, 9) });
    expect(measurements.goodRequestsRatio).toMatchObject({ value: expect.closeTo(0.9, 9) });
    expect(warnings).toContainEqual(
      expect.objectContaining({
        code: 'requests-failed',
        message: '1 server-error of 10 requests; the first: It said 500.',
      }),
    );
    expect(valid).toBe(true);
  });

  test('a run that answers fewer than half of its requests is invalid, however fast those were', () => {
    const failed = (index: number) =>
      request({
        index,
        intended: index / 10,
        dispatched: index / 10,
        done: 1,
        outcome: 'rejected',
        problem: 'It said 429.',
      });
    const half = [...answers(5), ...[5, 6, 7, 8, 9].map(failed)];
    expect(judged(half)).toMatchObject({ valid: true });
    const { valid, warnings } = judged([...half, failed(10)]);
    expect(valid).toBe(false);
    expect(warnings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['requests-failed', 'most-failed']),
    );
  });

  test('a run without a whole answer, and one whose generator was late, are invalid', () => {
    const failed = request({ intended: 0, dispatched: 0, done: 1, outcome: 'broken', problem: 'It broke.' });
    expect(judged([failed])).toMatchObject({ valid: false });
    const lag = { p50: 0, p99: 0.2, max: 0.3 };
    const late = judged(answers(20), {
      generator: { lag, loopDelay: null, cpuSeconds: 1, seconds: 2, ceiling: null },
    });
    expect(late.valid).toBe(false);
    expect(late.warnings.map(({ code }) => code)).toContain('generator-late');
  });

  test('a p99 that the number of requests does not support is null and says how many it takes', () => {
    const few = judged(answers(20)).measurements.scheduledLatencyP99Seconds;
    expect(few).toMatchObject({ value: null, reason: expect.stringContaining('662') });
  });

  test('answers of another length than asked, and counts that differ, are said with their size', () => {
    const short = answers(20).map((one) => ({
      ...one,
      wantedTokens: 32,
      usage: { promptTokens: 100, completionTokens: 24 },
    }));
    const { warnings, measurements } = judged(short);
    expect(measurements.outputLengthRatio).toMatchObject({ value: 0.5 });
    expect(measurements.usageDifferenceRatio).toMatchObject({ value: 0.5 });
    expect(warnings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['length-mismatch', 'usage-differs']),
    );
  });

  test('what the server says of itself becomes ratios, and what it does not say has a reason', () => {
    const { measurements } = judged(answers(20), {
      inside: {
        draftSteps: { growth: 100 },
        acceptedDraftTokens: { growth: 180 },
        draftedTokens: { growth: 300 },
        requestsWaiting: { mean: 1.5, max: 4 },
      },
      insideAbsent: null,
    });
    expect(measurements.acceptanceLength).toMatchObject({ value: 2.8 });
    expect(measurements.draftAcceptanceRatio).toMatchObject({ value: 0.6 });
    expect(measurements.meanQueuedRequests).toMatchObject({ value: 1.5 });
    expect(measurements.kvCacheUsageRatio).toMatchObject({
      value: null,
      reason: 'the server tells nothing of the use of its KV cache',
    });
  });

  test('rows that ask no server have none of it, for the same reason everywhere', () => {
    const { measurements } = judge(calmInput({}));
    for (const name of ['requestsPerSecond', 'serverStartSeconds', 'acceptanceLength'] as const)
      expect(measurements[name]).toMatchObject({ value: null, reason: 'the workload asks no server' });
  });
});
