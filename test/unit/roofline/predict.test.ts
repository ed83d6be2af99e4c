import { describe, expect, test } from 'vitest';
import type { Options } from '../../../core/experiment/experiment.js';
import { FACTORS_SCHEMA, type Factors, type ThreadFactors } from '../../../core/result/factors.js';
import type { LatencyWork } from '../../../core/work/latency.js';
import { llamaCppPasses } from '../../../core/work/llama-cpp.js';
import { newTokensOf } from '../../../core/work/pass/setting.js';
import { type PhaseWork, phaseWork } from '../../../core/work/phase-work.js';
import { bandRatio, errorBandOf } from '../../../roofline/error-band.js';
import { factorAt, factorsAt, recordFactorsOf } from '../../../roofline/factor-at.js';
import { checksOf } from '../../../roofline/factors/checks.js';
import { fitFactors } from '../../../roofline/factors/fit.js';
import { residuals } from '../../../roofline/factors/loss.js';
import {
  type FactorSamples,
  type OperatorSample,
  productWork,
  type StepSample,
} from '../../../roofline/factors/sample.js';
import { search } from '../../../roofline/factors/search.js';
import { measuredMachine } from '../../../roofline/machine-model.js';
import { expectPhase } from '../../../roofline/placement.js';
import {
  type PredictionContext,
  predictOperator,
  predictPass,
  readBandwidth,
  softMaximum,
} from '../../../roofline/predict.js';
import { mean } from '../../../statistics/summary.js';
import { drawFrom } from '../../bench/statistics/draw.js';
import { PERFECT, ROOFS, SMALL } from '../../support/roofline.js';

const machineModel = measuredMachine(ROOFS, { name: 'test', memoryBytes: null }, 2, 32e6)!;
const context = (changes: Partial<PredictionContext> = {}): PredictionContext => ({
  machineModel,
  factors: PERFECT,
  workingSet: 1e9,
  tokens: 1,
  queries: 1,
  ...changes,
});

describe('prediction', () => {
  test('a product takes as long as its weights, or its FLOPs, whichever is longer', () => {
    const one = predictOperator(productWork('f16', 1000, 1000, 1), context());
    // 2 MB at 16 GB/s against 2 MFLOP at 200 GFLOP/s.
    expect(one.seconds).toBeCloseTo(2e6 / 16e9, 9);
    expect(one.limit).toBe('memory');
    const many = predictOperator(productWork('f16', 1000, 1000, 500), context());
    expect(many.seconds).toBeCloseTo(1e9 / 200e9, 7);
    expect(many.limit).toBe('compute');
  });

  test('factors divide roofs, nodes and passes add, conversion of inputs is apart', () => {
    const factors: ThreadFactors = {
      ...PERFECT,
      nodeSeconds: 1e-5,
      passSeconds: 1e-3,
      logitSecondsPerByte: 1e-9,
      products: {
        f16: {
          memory: [{ rows: 1, factor: 0.5 }],
          compute: [{ rows: 1, factor: 0.1 }],
          convert: 0.25,
          startSeconds: 0,
          outputSeconds: 0,
          sharpness: 1e6,
        },
      },
    };
    const work = { ...productWork('f16', 1000, 1000, 1), module: 'lm-head' as const };
    const { seconds, operators, aroundSeconds } = predictPass({ operators: [work] }, context({ factors }));
    expect(operators[0]!.seconds).toBeCloseTo(2 * (2e6 / 16e9) + 4000 / (100e9 * 0.25) + 1e-5, 9);
    expect(aroundSeconds).toBeCloseTo(1e-3 + 4000 * 1e-9, 12);
    expect(seconds).toBeCloseTo(operators[0]!.seconds + aroundSeconds, 12);
  });

  test('a node takes longer where weights come from memory', () => {
    const factors = { ...PERFECT, nodeSeconds: 1e-6, streamedNodeSeconds: 4e-6, capacityBytes: 24e6 };
    const cached = {
      ...machineModel,
      cacheBytes: 24e6,
      cacheBytesPerSecond: machineModel.ceilings.memoryBytesPerSecond,
    };
    const at = (workingSet: number) =>
      predictOperator(productWork('f16', 64, 64, 1), context({ factors, machineModel: cached, workingSet }))
        .seconds;
    // Half of a working set as large as the cache's capacity is still there; the cache is as fast as memory
    // here.
    expect(at(24e6) - at(0)).toBeCloseTo(2e-6, 9);
  });

  test('a soft maximum goes from the sum to the larger', () => {
    expect(softMaximum(3, 4, 1)).toBeCloseTo(7, 12);
    expect(softMaximum(3, 4, 2)).toBeCloseTo(5, 12);
    expect(softMaximum(3, 4, 1e6)).toBeCloseTo(4, 4);
    expect(softMaximum(0, 0, 2)).toBe(0);
  });

  test('what fits into the last cache comes from there, half of it at its capacity', () => {
    const factors = { ...PERFECT, capacityBytes: 32e6, steepness: 4 };
    const at = (workingSet: number) => readBandwidth({ machineModel, factors, workingSet });
    expect(at(1e6)).toBeCloseTo(40e9, -6);
    expect(at(1e12)).toBeCloseTo(16e9, -6);
    expect(at(32e6)).toBeCloseTo(1 / (0.5 / 40e9 + 0.5 / 16e9), 0);
    expect(readBandwidth({ machineModel, factors: PERFECT, workingSet: 1 })).toBe(16e9);
  });

  test('factors between two points follow the logarithm, and end flat', () => {
    const curve = [
      { rows: 1, factor: 0.1 },
      { rows: 4, factor: 0.4 },
    ];
    expect([0.5, 1, 4, 99].map((rows) => factorAt(curve, rows))).toEqual([0.1, 0.1, 0.4, 0.4]);
    expect(factorAt(curve, 2)).toBeCloseTo(0.2, 12);
    const some = [1, 2, 8].map((threads) => ({ ...PERFECT, threads }));
    expect([1, 3, 4, 64].map((threads) => factorsAt(some, threads).threads)).toEqual([1, 2, 2, 8]);
  });

  test('a type that was not benched is predicted as that with the nearest bits', () => {
    const products = {
      ...PERFECT.products,
      q4_0: { ...PERFECT.products.f16!, memory: [{ rows: 1, factor: 0.5 }] },
    };
    const factors = { ...PERFECT, products };
    const { seconds } = predictOperator(productWork('q4_k', 1024, 1024, 1), context({ factors }));
    expect(seconds).toBeCloseTo((1024 * 1024 * 0.5625) / (16e9 * 0.5), 9);
  });

  test('a record keeps the products that stand for the types of its model, benched or not', () => {
    const { f16 } = PERFECT.products;
    const factors: Factors = {
      schema: FACTORS_SCHEMA,
      device: { id: 'cpu0', class: 'cpu', name: 'a' },
      roofs: 'r',
      engine: 'e',
      measuredAt: '2026-01-01T00:00:00.000Z',
      environment: { engineBuild: '0' },
      quick: false,
      evidence: [],
      warnings: [],
      caveats: [],
      threads: [{ ...PERFECT, products: { f16: f16!, q8_0: f16!, q6_k: f16!, q4_k: f16! } }],
    };
    const kept = (...types: string[]) =>
      Object.keys(recordFactorsOf(factors, 'id', 2, new Set(types)).factors.products);
    expect(kept('q2_k', 'q6_k')).toEqual(['q6_k', 'q4_k']);
    expect(kept('f32', 'q8_0')).toEqual(['f16', 'q8_0']);
    expect(kept()).toEqual(['f16', 'q8_0', 'q6_k', 'q4_k']);
  });
});

describe('passes of llama.cpp', () => {
  test('prompts fill batches, and batches are cut into micro-batches of equal shares', () => {
    const prefill = (asked: Omit<LatencyWork, 'generateTokens'>, options: Options) =>
      llamaCppPasses.prefill({ ...asked, generateTokens: 0 }, options, SMALL);
    const passes = prefill({ promptTokens: 700, sequences: 2, contextDepth: 10 }, { ubatch: 512 });
    expect(passes.map(({ batch }) => batch)).toEqual([
      [{ sequences: 2, newTokens: 256, cachedTokens: 10 }],
      [{ sequences: 2, newTokens: 256, cachedTokens: 266 }],
      [{ sequences: 2, newTokens: 188, cachedTokens: 522 }],
    ]);
    expect(passes.map(({ logits }) => logits)).toEqual([0, 0, 'last']);
    const small = prefill({ promptTokens: 100, sequences: 3, contextDepth: 0 }, { batch: 128, ubatch: 64 });
    expect(small.reduce((sum, { batch }) => sum + newTokensOf(batch), 0)).toBe(300);
    expect(small.every(({ batch }) => newTokensOf(batch) <= 64)).toBe(true);
  });

  test('cache types and kernels are those of the options', () => {
    const pass = llamaCppPasses.decode(
      { promptTokens: 0, generateTokens: 1, sequences: 4, contextDepth: 0 },
      99,
      { kvCacheTypeK: 'q8_0', flashAttention: false },
      SMALL,
    );
    expect(pass).toMatchObject({
      phase: 'decode',
      batch: [{ sequences: 4, newTokens: 1, cachedTokens: 99 }],
      cacheBits: { key: 8.5, value: 16 },
      attention: { kind: 'unfused', latent: 'absorbed' },
    });
  });
});

describe('the fit', () => {
  const truth: ThreadFactors = {
    threads: 2,
    nodeSeconds: 2e-6,
    streamedNodeSeconds: 1.2e-6,
    passSeconds: 3e-5,
    logitSecondsPerByte: 2 / 16e9,
    capacityBytes: 24e6,
    steepness: 4,
    products: {
      f16: {
        memory: [{ rows: 1, factor: 0.8 }],
        convert: 0.3,
        startSeconds: 1.5e-6,
        outputSeconds: 0,
        sharpness: 2.5,
        compute: [1, 4, 64].map((rows, i) => ({ rows, factor: 0.2 + 0.2 * i })),
      },
    },
    attention: [
      { rows: 1, factor: 0.05 },
      { rows: 64, factor: 0.3 },
    ],
    attentionMemory: 0.4,
    attentionSharpness: 1,
    maskedPair: [{ rows: 1, factor: 4e-9 }],
    checks: [],
    elementwise: { norm: [{ rows: 1, factor: 0.4 }] },
  };
  const product = (side: number, rows: number, workingSet: number): Omit<OperatorSample, 'seconds'> => ({
    threads: 2,
    group: { kind: 'product', weights: 'f16' },
    work: productWork('f16', side, side, rows),
    tokens: rows,
    queries: rows,
    workingSet,
  });
  const attentionOf = (queries: number, maskedPairs = 0): Omit<OperatorSample, 'seconds'> => ({
    threads: 2,
    group: { kind: 'attention' },
    work: { ...productWork('f16', 512, 512, queries), class: 'attention', weights: undefined, maskedPairs },
    tokens: queries,
    queries,
    workingSet: 1e6,
  });
  const alone = { ...truth, nodeSeconds: truth.nodeSeconds / 20, streamedNodeSeconds: 0 };
  const seconds = (sample: Omit<OperatorSample, 'seconds'>): OperatorSample => ({
    ...sample,
    seconds: predictOperator(sample.work, { machineModel, factors: alone, ...sample }).seconds,
  });
  const all = [
    ...[4e6, 12e6, 24e6, 40e6, 80e6, 400e6].flatMap((set) =>
      [256, 1024].map((side) => product(side, 1, set)),
    ),
    ...[4, 64].flatMap((rows) => [128, 512, 1024].map((side) => product(side, rows, 8e6))),
    attentionOf(1),
    attentionOf(1, 30_000),
    attentionOf(64),
  ].map(seconds);
  /** A step of a layer: it waits longer between nodes than their bench does. */
  const stepOf = (side: number, workingSet: number): StepSample => {
    const operators = [product(side, 1, workingSet), attentionOf(1, 9000)].map(({ work }) => work);
    const step = { work: { phase: 'decode', operators }, tokens: 1, queries: 1, workingSet } as const;
    return {
      ...step,
      threads: 2,
      seconds: predictPass(step.work, { ...step, machineModel, factors: truth }).seconds,
    };
  };
  const samples: FactorSamples = {
    engine: 'test',
    engineBuild: '0',
    leftOut: 0,
    disturbed: null,
    operators: [
      ...all,
      { ...all[0]!, group: { kind: 'node' }, seconds: alone.nodeSeconds },
      { ...all[0]!, threads: 1, seconds: 1 },
    ],
    passes: [{ threads: 2, seconds: truth.passSeconds }],
    steps: [8e6, 400e6].flatMap((workingSet) => [128, 256, 512].map((side) => stepOf(side, workingSet))),
    checks: [],
  };

  test('finds factors that predict what it was shown, and keeps to the threads', () => {
    const { factors, evidence } = fitFactors(samples, machineModel, 2);
    expect(factors.nodeSeconds / truth.nodeSeconds).toBeGreaterThan(0.7);
    expect(factors.nodeSeconds / truth.nodeSeconds).toBeLessThan(1.4);
    const streamed = factors.streamedNodeSeconds / truth.streamedNodeSeconds;
    expect(streamed).toBeGreaterThan(0.7);
    expect(streamed).toBeLessThan(1.4);
    expect(factors.passSeconds).toBe(truth.passSeconds);
    const errors = residuals(all, machineModel, { ...factors, nodeSeconds: alone.nodeSeconds })
      .map(Math.abs)
      .sort((a, b) => a - b);
    expect(errors.at(Math.floor(errors.length / 2))).toBeLessThan(0.01);
    expect(errors.at(-1)).toBeLessThan(0.1);
    expect(factors.attention.map(({ rows }) => rows)).toEqual([1, 64]);
    expect(factors.attention[1]!.factor).toBeCloseTo(0.3, 1);
    expect(factors.maskedPair[0]!.factor / 4e-9).toBeCloseTo(1, 1);
    expect(factors.capacityBytes! / truth.capacityBytes!).toBeGreaterThan(0.7);
    expect(factors.capacityBytes! / truth.capacityBytes!).toBeLessThan(1.4);
    expect(evidence.find(({ name }) => name === 'products f16 compute 64')).toMatchObject({
      threads: 2,
      n: 3,
    });
  });

  test('steps whose weights stay in the cache say nothing about nodes beside a stream', () => {
    const kept = samples.steps.filter(({ workingSet }) => workingSet < 24e6);
    const { factors, evidence } = fitFactors({ ...samples, steps: kept }, machineModel, 2);
    expect(factors.streamedNodeSeconds).toBe(0);
    expect(evidence.find(({ name }) => name === 'streamed node')).toMatchObject({ value: 0, n: 0 });
  });

  test('what outputs take beside their multiplications shows where rows are short', () => {
    const product = { ...truth.products.f16!, outputSeconds: 5e-9 };
    const slow = { ...alone, products: { f16: product } };
    const operators = all.map((sample) => {
      if (sample.group.kind !== 'product') return sample;
      return {
        ...sample,
        seconds: predictOperator(sample.work, { machineModel, factors: slow, ...sample }).seconds,
      };
    });
    const fitted = fitFactors({ ...samples, operators }, machineModel, 2).factors;
    expect(fitted.products.f16!.outputSeconds! / 5e-9).toBeGreaterThan(0.5);
    expect(fitted.products.f16!.outputSeconds! / 5e-9).toBeLessThan(2);
  });

  test('what nobody saw come from memory is read as the type that was seen, or as fast as its roof says', () => {
    const huge = measuredMachine(ROOFS, { name: 'test', memoryBytes: null }, 2, 500e6)!;
    const slow = { ...truth, nodeSeconds: 0, capacityBytes: 400e6, steepness: 4 };
    const rest = [...[1, 8, 128].map((rows) => product(1024, rows, 8e6)), product(1024, 8, 192e6)];
    // Those of the middle are disturbed, as if a little of them came from a memory that is very slow.
    const timed = (sample: Omit<OperatorSample, 'seconds'>): OperatorSample => {
      const { seconds } = predictOperator(sample.work, { machineModel: huge, factors: slow, ...sample });
      return { ...sample, seconds: sample.workingSet === 192e6 ? 1.3 * seconds : seconds };
    };
    const fitted = (sets: readonly number[]) => {
      const operators = [...sets.map((set) => product(1024, 1, set)), ...rest].map(timed);
      return fitFactors({ ...samples, operators, steps: [] }, huge, 2).factors.products.f16!.memory;
    };
    const within = [8e6, 48e6, 96e6, 192e6];
    expect(fitted(within)).toEqual([{ rows: 1, factor: 1 }]);
    const [only, ...others] = fitted([...within, 550e6, 1.1e9]);
    expect(others).toEqual([]);
    expect(Math.abs(Math.log(only!.factor / truth.products.f16!.memory[0]!.factor))).toBeLessThan(0.1);
  });

  test('a bench that was disturbed pulls at nothing', () => {
    const disturbed = all.map((sample, i) =>
      i === 3 ? { ...sample, seconds: 20 * sample.seconds } : sample,
    );
    const { factors } = fitFactors({ ...samples, operators: disturbed }, machineModel, 2);
    const errors = residuals(
      all.filter((_, i) => i !== 3),
      machineModel,
      { ...factors, nodeSeconds: alone.nodeSeconds },
    ).map(Math.abs);
    expect(errors.sort((a, b) => a - b)[Math.floor(errors.length / 2)]).toBeLessThan(0.06);
  });

  test('the search stays between its ends', () => {
    const found = search({ x: { start: 1, least: 0.5, most: 2 } }, ({ x }) => Math.abs(Math.log(x / 9)));
    expect(found.x).toBe(2);
  });
});

describe('how far a prediction may lie off', () => {
  const phasesOf = (sequences: number, promptTokens: number) =>
    phaseWork(SMALL, { threads: 2 }, { promptTokens, generateTokens: 8, sequences, contextDepth: 0 });
  /** Phases that took so many times what is predicted. */
  const checked = (times: readonly number[], modelOf: (factor: number) => string = String) =>
    times.flatMap((factor) =>
      phasesOf(4, 128).map((work) => {
        const { predictedSeconds } = expectPhase({ work, machineModel, factors: PERFECT });
        return { model: modelOf(factor), threads: 2, work, seconds: factor * predictedSeconds! };
      }),
    );
  const factors = { ...PERFECT, checks: checksOf(checked([1.1, 1 / 1.2, 1.05, 1.3]), machineModel, PERFECT) };
  const bandOf = (work: PhaseWork, threads = 2) => errorBandOf(work, factors, threads)!;

  test('is learned from models that the fit has not seen, a bias included', () => {
    const logs = [1.1, 1 / 1.2, 1.05, 1.3].map(Math.log);
    const error = Math.sqrt(mean(logs.map((v) => v * v)));
    for (const check of factors.checks) {
      expect(check.points).toBe(4);
      expect(check.error).toBeCloseTo(error, 10);
      expect(check).toMatchObject({ sequences: 4 });
    }
    expect(factors.checks.map(({ phase, passTokens, depth }) => [phase, passTokens, depth])).toEqual([
      ['prefill', 512, 128],
      ['decode', 4, expect.closeTo(136, -1)],
    ]);
    // Student's t of four: 2.776.
    const [prefill] = phasesOf(2, 64);
    expect(Math.log(bandOf(prefill!).ratio)).toBeCloseTo(2.7764 * error, 3);
    expect(bandOf(prefill!).beyond).toEqual([]);
    expect(errorBandOf(prefill!, PERFECT)).toBeNull();
  });

  test('points of one model stand for one model', () => {
    const twice = checksOf(
      checked([1.1, 1 / 1.2, 1.05, 1.3], (factor) => (factor > 1.07 ? 'a' : 'b')),
      machineModel,
      PERFECT,
    );
    expect(twice.map(({ points, models }) => [points, models])).toEqual([
      [4, 2],
      [4, 2],
    ]);
    // Student's t of two: 4.303.
    expect(Math.log(bandRatio(twice[0]!))).toBeCloseTo(4.3027 * twice[0]!.error, 3);
  });

  test('holds 95 of 100 further points where errors are normal', () => {
    const draw = drawFrom(5);
    const error = () => Math.exp(0.2 * draw.normal());
    let held = 0;
    const [work] = phasesOf(1, 64);
    for (let i = 0; i < 400; i++) {
      const rms = Math.sqrt(mean(Array.from({ length: 6 }, () => Math.log(error()) ** 2)));
      const checks = [{ ...factors.checks[0]!, models: 6, error: rms }];
      const { ratio } = errorBandOf(work!, { ...PERFECT, checks })!;
      held += Number(Math.abs(Math.log(error())) <= Math.log(ratio));
    }
    expect(held / 400).toBeGreaterThan(0.92);
    expect(held / 400).toBeLessThan(0.98);
  });

  test('says what lies beyond what was looked at', () => {
    const [, decode] = phasesOf(8, 512);
    expect(bandOf(decode!, 3).beyond).toEqual([
      '3 threads (factors of 2)',
      '8 sequences (looked at up to 4)',
      'passes of 8 tokens (looked at up to 4)',
      expect.stringMatching(/^a context of 5\d\d \(looked at up to 13\d\)$/),
      expect.stringMatching(/^1\.\d+ MB a pass \(looked at up to 0\.\d+\)$/),
    ]);
    const packed = {
      ...decode!,
      passes: decode!.passes.map((pass) => ({
        ...pass,
        work: { operators: pass.work.operators.map((o) => ({ ...o, weights: 'q3_k' })) },
      })),
    };
    expect(bandOf(packed).beyond[0]).toBe('weights of q3_k (factors of a type with like bits)');
  });
});
