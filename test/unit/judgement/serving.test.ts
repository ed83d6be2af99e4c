import { describe, expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import type { Experiment } from '../../../core/experiment/experiment.js';
import { rooflineSchema } from '../../../core/result/roofline-record.js';
import { gradeOf } from '../../../core/result/warnings.js';
import { columnsOf, requestsOf, type ServingRecord } from '../../../core/serving/record.js';
import type { RequestRecord } from '../../../core/serving/requests.js';
import { answered, request } from '../../support/requests.js';
import { GIVEN } from '../../support/roofline.js';
import { calmInput, experiment, samplesWith } from './trace.js';

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
  promptSalt: 'salt',
  sharedPromptTokens: 0,
  audit: null,
  endedEarly: null,
  search: null,
  promptTokensBy: 'tokenizer',
  outputTokensBy: 'tokenizer',
  tokenizer: { name: 'gpt2', digest: `sha256:${'0'.repeat(64)}` },
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
const judged = (
  requests: readonly RequestRecord[],
  changes: Partial<ServingRecord> = {},
  asked: Experiment = ASKED,
) =>
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

  test('a run that was ended early says why, in the words of whoever ended it', () => {
    const sentence = 'It was ended after 10 s: more waited with every second.';
    const said = ({ warnings }: ReturnType<typeof judged>) =>
      warnings.filter(({ code }) => code === 'over-saturated').map(({ message }) => message);
    expect(said(judged(answers(100), { endedEarly: sentence }))).toEqual([sentence]);
    expect(said(judged(answers(100)))).toEqual([]);
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

  test('a run without a whole answer is invalid; a generator that was late disturbs it, and latency counts from the intended send', () => {
    const failed = request({ intended: 0, dispatched: 0, done: 1, outcome: 'broken', problem: 'It broke.' });
    expect(judged([failed])).toMatchObject({ valid: false });
    const lag = { p50: 0, p99: 0.2, max: 0.3 };
    const late = judged(answers(20), {
      generator: { lag, loopDelay: null, cpuSeconds: 1, seconds: 2, ceiling: null },
    });
    expect(late.warnings.map(({ code }) => code)).toEqual(['generator-late']);
    expect(gradeOf(late.warnings, 'warn')).toBe('disturbed');
    const delayed = answers(20).map((one) => ({ ...one, intended: one.intended - 0.02 }));
    const first = (record: ReturnType<typeof judged>) => record.measurements.timeToFirstTokenSeconds!.value;
    const { generator } = recordOf([], {
      generator: { lag, loopDelay: null, cpuSeconds: 1, seconds: 2, ceiling: null },
    });
    expect(first(judged(delayed))).toBeCloseTo(0.05, 9);
    expect(first(judged(delayed, { generator }))).toBeCloseTo(0.07, 9);
  });

  test('an open loop that fell more than 1 % behind its rate is another load; a delay that it caught up with is not', () => {
    const open = {
      ...ASKED,
      workload: { kind: 'serving', options: { arrival: 'constant', requestsPerSecond: 10 } },
    };
    const codes = (requests: RequestRecord[], asked: Experiment = open) =>
      judged(requests, {}, asked).warnings.map(({ code }) => code);
    const behind = (share: number) =>
      answers(50).map((one) => ({ ...one, intended: one.intended * (1 - share) }));
    expect(codes(behind(0.03))).toContain('rate-missed');
    expect(judged(behind(0.03), {}, open)).toMatchObject({ valid: false });
    expect(codes(behind(0.005))).not.toContain('rate-missed');
    expect(codes(behind(0.03), ASKED)).not.toContain('rate-missed');
    const stalled = answers(50).map((one, i) => (i === 25 ? { ...one, intended: one.intended - 0.3 } : one));
    expect(codes(stalled)).not.toContain('rate-missed');
  });

  test('answers of other lengths are a fault where the server was made to keep them, and a note where it cannot be', () => {
    const short = answers(20).map((one) => ({ ...one, wantedTokens: 32 }));
    const of = (kind: string, exactLength: boolean) =>
      judged(
        short,
        {},
        { ...ASKED, runner: { kind, options: {} }, workload: { kind: 'serving', options: { exactLength } } },
      );
    expect(of('vllm', true)).toMatchObject({ valid: false, warnings: [{ code: 'length-forced' }] });
    expect(of('vllm', false)).toMatchObject({ valid: true, warnings: [{ code: 'length-mismatch' }] });
    expect(of('openai', true)).toMatchObject({ valid: true, warnings: [{ code: 'length-mismatch' }] });
  });

  test('prompts that the server knew are a fault: by its own word, or by its audit where it says nothing', () => {
    const sixteen = Array<number>(16).fill(1);
    const audit = (fresh: number, again: number) =>
      columnsOf(
        Array.from({ length: 16 }, (_, index) => {
          const ttft = index % 2 === 0 ? fresh : again;
          return answered({ index, intended: index, ttft, tpot: 0.01, chunks: sixteen });
        }),
      );
    const told = (hits: number) => ({
      prefixCacheHitTokens: { growth: hits },
      prefixCacheQueriedTokens: { growth: 100 },
    });
    const said = (changes: Partial<ServingRecord>) => {
      const { warnings, valid } = judged(answers(20), { sharedPromptTokens: 20, ...changes });
      expect(valid).toBe(!warnings.some(({ code }) => code === 'prompts-known'));
      return warnings.filter(({ code }) => code === 'prompts-known').map(({ message }) => message);
    };
    expect(said({ inside: told(99) })).toEqual([
      "99.0 % of the prompt tokens were in the server's prefix cache, and the load shares 1.0 %: it knew prompts of another run",
    ]);
    expect(said({ inside: told(3) })).toEqual([]);
    expect(said({ inside: told(50), sharedPromptTokens: 1000 })).toEqual([]);
    expect(said({ audit: audit(0.3, 0.05) })).toEqual([
      '8 requests had their first token 83 % sooner than new prompts of their length (p 0.004), as prompts that are asked again have (83 % sooner): the server knew prompts of another run',
    ]);
    expect(said({ audit: audit(0.05, 0.05) })).toEqual([]);
    expect(said({ audit: audit(0.05, 0.01) })).toEqual([]);
    expect(said({ audit: audit(0.3, 0.05), inside: told(0) })).toEqual([]);
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
      reason: 'the server told nothing of the use of its KV cache while it was loaded',
    });
  });

  describe('the energy of a token that a draft proposed', () => {
    const accepted = (growth: number | null) =>
      judged(answers(100), {
        inside: growth === null ? {} : { acceptedDraftTokens: { growth } },
        insideAbsent: growth === null ? 'it has none' : null,
      }).measurements.energyPerAcceptedDraftTokenJoules!;

    test('is that of the run over the tokens that were accepted', () => {
      const joules = judged(answers(100)).measurements.energyJoules!.value!;
      expect(joules).toBeGreaterThan(0);
      expect(accepted(160).value).toBeCloseTo(joules / 160, 9);
      // As many as were written at all.
      expect(accepted(1600).value).toBeCloseTo(joules / 1600, 9);
    });

    test('is missing where none was accepted, or more than were written: those are of somebody else', () => {
      const none = { value: null, reason: 'no drafted token was accepted' };
      expect(accepted(0)).toMatchObject(none);
      expect(accepted(null)).toMatchObject(none);
      expect(accepted(1601)).toMatchObject({
        value: null,
        reason: 'the server counts more accepted tokens than it gave here',
      });
    });
  });

  test('energy by token counts what was read of prompts beside what was written', () => {
    const { measurements } = judged(answers(100));
    const joules = measurements.energyJoules!.value!;
    const prompts = answers(100).reduce((sum, { promptTokens }) => sum + (promptTokens ?? 0), 0);
    expect(prompts).toBeGreaterThan(0);
    expect(measurements.totalTokensPerJoule!.value).toBeCloseTo((1600 + prompts) / joules, 9);
    expect(measurements.tokensPerJoule!.value).toBeCloseTo(1600 / joules, 9);
  });

  test('rows that ask no server have none of it, for the same reason everywhere', () => {
    const { measurements } = judge(calmInput({}));
    for (const name of ['requestsPerSecond', 'serverStartSeconds', 'preemptionsPerRequest'] as const)
      expect(measurements[name]).toMatchObject({ value: null, reason: 'the workload asks no server' });
  });
});

describe('a server under its roofs', () => {
  const LLAMA: Experiment = { ...ASKED, runner: { kind: 'llama-server', options: { threads: 2 } } };
  const under = (requests: readonly RequestRecord[], changes: Partial<ServingRecord> = {}, asked = LLAMA) => {
    const { roofline, measurements, warnings } = judged(requests, changes, asked);
    const phases = Object.fromEntries((roofline?.phases ?? []).map((phase) => [phase.name, phase]));
    return { roofline, phases, measurements, warnings };
  };

  test('a step and a prompt stand beside what was measured, and the window under what all of them asked', () => {
    // A hundred decode for 0.15 s each, 0.105 s apart: four and five tokens of each come while another
    // decodes.
    const chunks = Array<number>(16).fill(1);
    const requests = answers(100).map((one, index) => ({
      ...answered({ index, intended: 0.105 * index, ttft: 0.05, tpot: 0.01, chunks }),
      wantedTokens: one.wantedTokens,
    }));
    const [shared, all] = [99 * 9, 1500];
    const steps = shared / 2 + all - shared;
    const { roofline, phases, measurements } = under(requests);
    expect(rooflineSchema.parse(roofline)).toEqual(roofline);
    expect(roofline!.served).toMatchObject({
      window: { fromSeconds: 0, toSeconds: expect.closeTo(10.595, 9), steady: false },
      batchFrom: 'requests',
      stepSequences: expect.closeTo((2 * shared + all - shared) / all, 9),
      meanSequences: expect.closeTo(all / steps, 9),
      contextTokens: expect.closeTo(107, 6),
      // The next prompt was read while it decoded, once in its fifteen steps.
      promptsPerStep: expect.closeTo(99 / 1500, 9),
      promptsAtOnce: 1,
      promptsBetween: 0.99,
      promptTokens: 100,
      cachedTokens: 0,
    });
    expect(phases.decode).toMatchObject({ passes: 1, measuredSeconds: expect.closeTo(0.01, 9) });
    expect(phases.prefill).toMatchObject({ tokens: 100, measuredSeconds: expect.closeTo(0.05, 9) });
    expect(phases.serve).toMatchObject({
      measuredSeconds: expect.closeTo(10.595, 9),
      predictedSeconds: null,
    });
    const { prefill, decode, serve } = phases;
    expect(measurements.predictedTimePerOutputTokenSeconds).toMatchObject({
      value: decode!.predictedSeconds,
    });
    expect(measurements.predictedPrefillSeconds).toMatchObject({ value: prefill!.predictedSeconds });
    expect(measurements.decodePredictionErrorRatio).toMatchObject({
      value: decode!.predictedSeconds! / decode!.measuredSeconds - 1,
    });
    expect(measurements.servingRoofRatio).toMatchObject({ value: serve!.roofRatio });
    expect(measurements.servingModelFlopsUtilizationRatio).toMatchObject({ value: serve!.mfu });
    expect(measurements.servingModelBandwidthUtilizationRatio).toMatchObject({ value: serve!.mbu });
    // Each step reads all weights, the first prompt a time of its own, and each token has a row of the
    // embedding: 16 GB/s is their roof.
    const weights = 2 * 2 * (64 * 64 * 2 + 64 * 32 * 2 + 64 * 128 * 3) + 2 * 64 * 1000 + 5 * 64 * 4;
    const rows = 2 * 64 * (1500 + 100 * 100);
    expect(serve!.bytes!.weights).toBeCloseTo((steps + 1) * weights + rows, 0);
    expect(serve!.mbu).toBeCloseTo((serve!.bytes!.weights + serve!.bytes!.cacheRead) / 10.595 / 16e9, 12);
  });

  test('what the prefix cache had is no work, and what it had has to be known', () => {
    const shared = {
      ...LLAMA,
      workload: { ...LLAMA.workload, options: { ...LLAMA.workload.options, sharedPrefix: 0.5 } },
    };
    const inside = { prefixCacheHitTokens: { growth: 40 }, prefixCacheQueriedTokens: { growth: 100 } };
    const known = under(answers(20), { inside, insideAbsent: null }, shared);
    expect(known.roofline!.served).toMatchObject({ promptTokens: 100, cachedTokens: 40 });
    expect(known.phases.prefill).toMatchObject({ tokens: 60 });
    const { roofline, measurements } = under(answers(20), {}, shared);
    expect(roofline).toBeNull();
    expect(measurements.servingRoofRatio).toMatchObject({
      value: null,
      reason: expect.stringMatching(/the server does not say how much of them its prefix cache had/),
    });
  });

  test('phases of a model on several devices are of one of them', () => {
    const split = { tensor: 1, pipeline: 1, replicas: 2, spreadsExperts: false };
    const facts = {
      ...calmInput({ experiment: LLAMA, roofline: { ...GIVEN, split } }),
      phases: [{ name: 'serve' as const, repeat: 0, startSeconds: 1, endSeconds: 11, tokens: 320 }],
      tokenSeconds: [],
      serving: recordOf(answers(20)),
    };
    const { roofline } = judge(facts);
    const alone = under(answers(20)).phases.serve!;
    expect(roofline!.devices).toBe(2);
    expect(roofline!.phases.find(({ name }) => name === 'serve')!.flops).toBeLessThan(alone.flops);
  });

  test('what cannot be counted says why, in every metric of the place', () => {
    const why = (name: 'servingRoofRatio' | 'decodeRoofRatio', changes = {}, asked = LLAMA) =>
      under(answers(20), changes, asked).measurements[name];
    const speculating = { ...LLAMA, runner: { kind: 'llama-server', options: { speculative: 'ngram' } } };
    expect(why('servingRoofRatio', {}, speculating)).toMatchObject({
      reason: expect.stringMatching(/^the work of speculative decoding is not counted/),
    });
    expect(why('decodeRoofRatio', {}, ASKED)).toMatchObject({
      reason: 'what simulated-server computes is not known, so there is no work to place',
    });
    expect(judge(calmInput({})).measurements.servingRoofRatio).toMatchObject({
      reason: 'the workload asks no server',
    });
  });
});

describe('the energy of a server', () => {
  /** Twenty requests, one after the other: 1 s of prompt at 200 W, 2 s of decoding at 120 W. */
  const phases = [{ name: 'serve' as const, repeat: 0, startSeconds: 3, endSeconds: 63, tokens: 320 }];
  const watts = (t: number) => (t < 3 || t >= 63 ? 50 : (t - 3) % 3 < 1 ? 200 : 120);
  const joules = (t: number) => {
    const served = Math.min(60, Math.max(0, t - 3));
    const [whole, rest] = [Math.floor(served / 3), served % 3];
    return 50 * (t - served) + whole * 440 + (rest < 1 ? 200 * rest : 200 + 120 * (rest - 1));
  };
  const samples = samplesWith({ 'energyJoules:gpu': joules, 'powerWatts:gpu': watts }, phases);
  const one = (index: number, intended: number) => ({
    ...answered({ index, intended, ttft: 1, tpot: 2 / 15, chunks: Array<number>(16).fill(1) }),
    wantedTokens: 16,
  });
  const energy = (gap: number) => {
    const requests = Array.from({ length: 20 }, (_, i) => one(i, gap * i));
    const trial = { ...calmInput({ experiment: ASKED, phases, samples }), tokenSeconds: [] };
    return judge({ ...trial, serving: recordOf(requests) }).measurements;
  };

  test('is split where prompts and decoding are apart', () => {
    const { energyJoules, prefillEnergyJoules, decodeEnergyJoules, decodeEnergyPerTokenJoules } = energy(3);
    expect(energyJoules).toMatchObject({ value: expect.closeTo(8800, 3) });
    expect(prefillEnergyJoules).toMatchObject({ value: expect.closeTo(4000, 0) });
    expect(decodeEnergyJoules).toMatchObject({ value: expect.closeTo(4800, 0) });
    expect(decodeEnergyPerTokenJoules).toMatchObject({ value: expect.closeTo(4800 / 300, 2) });
  });

  test('is not where they are not, and says so', () => {
    const reason = expect.stringMatching(/^prompts were read while others decoded for \d+ % of the time/);
    expect(energy(1.5).prefillEnergyJoules).toMatchObject({ value: null, reason });
    expect(energy(1.5).decodeEnergyPerTokenJoules).toMatchObject({ value: null, reason });
  });
});
