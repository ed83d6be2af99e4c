import { describe, expect, test } from 'vitest';
import { judge, recompute } from '../../../batching/judge.js';
import type { ProfileRecord } from '../../../core/result/profile-record.js';
import { isPresent, resultSchema, type TrialFacts } from '../../../core/result/result.js';
import { GIVEN, PERFECT, ROOFS, SMALL } from '../../support/roofline.js';
import { calmInput, experiment, recordOf, TRUTH } from './trace.js';

/**
 * Multiplications and additions of all matrices of a layer for one token: 2 · (64·64·2 + 64·32·2 + 64·128·3).
 */
const LAYER = 2 * (64 * 64 * 2 + 64 * 32 * 2 + 64 * 128 * 3);
const HEAD = 2 * 64 * 1000;

const decodeOnly = (generateTokens: number, contextDepth = 0, given = GIVEN) =>
  calmInput({
    roofline: given,
    experiment: {
      ...experiment,
      workload: { kind: 'latency', options: { promptTokens: 0, generateTokens, parallel: 1, contextDepth } },
    },
    phases: calmInput().phases.filter(({ name }) => name !== 'prefill'),
  });
const value = (input: ReturnType<typeof calmInput>, name: string) => {
  const entry = judge(input).measurements[name];
  if (!isPresent(entry)) throw new Error(`${name}: ${entry?.reason}`);
  return entry.value;
};

describe('a record under its roofs', () => {
  test('work of decoding, counted by hand', () => {
    const { roofline } = judge(decodeOnly(1, 99));
    const [decode] = roofline!.phases;
    expect(roofline!.phases).toHaveLength(1);
    expect(roofline!.ceilings).toEqual({ origin: 'measured', id: ROOFS.id, name: 'test' });
    // Weights of two layers and the head in f16, norms in f32; an embedding's row.
    const matrices = 2 * 2 * (64 * 64 * 2 + 64 * 32 * 2 + 64 * 128 * 3) + 2 * 64 * 1000;
    expect(decode!.bytes!.weights).toBe(matrices + 5 * 64 * 4 + 64 * 2);
    // 100 tokens, K and V of one head of 32 in f16, two layers.
    expect(decode!.bytes!.cacheRead).toBe(100 * 2 * 32 * 2 * 2);
    expect(decode!.bytes!.cacheWritten).toBe(2 * 32 * 2 * 2);
    const attention = 2 * (4 * 2 * 32 * 100);
    const products = 2 * LAYER + HEAD + attention;
    expect(decode!.flops).toBeGreaterThan(products);
    expect(decode!.flops).toBeLessThan(1.1 * products);
    expect(decode!.bound).toBe('memory');
    expect(decode!.boundLevel).toBe('memory');
    expect(decode!.bandwidth).toEqual({ level: 'memory', bytesPerSecond: 16e9 });
    expect(decode!.peak).toEqual({ arithmetic: 'f32', flopsPerSecond: 200e9 });
  });

  test('MFU, MBU and percent of roof are work over time over ceiling', () => {
    const input = decodeOnly(256);
    const [decode] = judge(input).roofline!.phases;
    const seconds = TRUTH.decodeSeconds;
    expect(decode!.measuredSeconds).toBeCloseTo(seconds, 9);
    expect(decode!.mfu).toBeCloseTo(decode!.flops / seconds / 200e9, 15);
    const read = decode!.bytes!.weights + decode!.bytes!.cacheRead;
    expect(decode!.mbu).toBeCloseTo(read / seconds / 16e9, 15);
    expect(decode!.roofRatio).toBeCloseTo(decode!.roofSeconds / seconds, 15);
    expect(value(input, 'decodeModelBandwidthUtilizationRatio')).toBe(decode!.mbu);
    expect(value(input, 'decodeModelFlopsUtilizationRatio')).toBe(decode!.mfu);
    expect(value(input, 'decodeRoofRatio')).toBe(decode!.roofRatio);
    const entry = judge(input).measurements.decodeRoofRatio;
    expect(isPresent(entry) && [entry.samples?.length, entry.source]).toEqual([
      TRUTH.repeats,
      `measured ${ROOFS.id}`,
    ]);
    expect(judge(input).measurements.prefillRoofRatio).toMatchObject({
      value: null,
      reason: 'the workload has no prefill phase',
    });
  });

  test('a phase above its roof is one note, whatever stands above, and one within what repeats differ by is none', () => {
    const input = decodeOnly(256);
    const [decode] = judge(input).roofline!.phases;
    const codes = (roofs: typeof ROOFS) =>
      judge({ ...input, roofs }).warnings.filter(({ code }) => code === 'above-roof');
    /** Roofs that are so many times lower than what the decoding reached. */
    const under = (times: number) => {
      const by = decode!.roofRatio / times;
      return {
        ...ROOFS,
        bandwidth: ROOFS.bandwidth.map((roof) => ({ ...roof, bytesPerSecond: roof.bytesPerSecond * by })),
        compute: ROOFS.compute.map((roof) => ({ ...roof, flopsPerSecond: roof.flopsPerSecond * by })),
      };
    };
    expect(codes(under(1.04))).toEqual([]);
    expect(codes(under(1.5))).toEqual([
      {
        code: 'above-roof',
        severity: 'note',
        message:
          'decode at 150 % of its roof (memory): the roof was measured on a disturbed machine or the work is overcounted: measure roofs again with `ridge roofs`',
      },
    ]);
  });

  test('a row under roofs or factors of a disturbed machine says so', () => {
    const disturbed = [{ code: 'disturbed' as const, message: 'others ran' }];
    const said = (changes: Parameters<typeof calmInput>[0]) =>
      judge(calmInput(changes)).warnings.filter(({ code }) => code === 'roofs-disturbed');
    expect(said({})).toEqual([]);
    expect(said({ roofs: { ...ROOFS, warnings: disturbed } })).toMatchObject([
      { message: 'roofs: others ran' },
    ]);
    const factors = { ...GIVEN.factors!, warnings: disturbed };
    expect(said({ roofline: { ...GIVEN, factors } })).toMatchObject([
      { message: 'factors of the prediction: others ran' },
    ]);
    const strange = [{ code: 'under-wider-type' as const, message: 'int8 is under f32' }];
    expect(said({ roofs: { ...ROOFS, warnings: strange } })).toEqual([]);
  });

  test('an engine that reaches every roof is predicted to take what the roofs allow', () => {
    const input = calmInput();
    const { roofline, measurements } = judge(input);
    expect(roofline!.factors).toBe(GIVEN.factors!.id);
    for (const phase of roofline!.phases) {
      // Elementwise work is free in the prediction, and almost so under the roofs.
      expect(phase.predictedSeconds! / phase.roofSeconds).toBeGreaterThan(0.8);
      expect(phase.predictedSeconds).toBeLessThanOrEqual(phase.roofSeconds);
      expect(phase.residualRatio).toBeCloseTo(phase.measuredSeconds / phase.predictedSeconds!, 12);
    }
    const decode = roofline!.phases.find(({ name }) => name === 'decode')!;
    expect(measurements.predictedTimePerOutputTokenSeconds?.value).toBeCloseTo(
      decode.predictedSeconds! / TRUTH.outputTokens,
      15,
    );
    expect(measurements.decodePredictionErrorRatio?.value).toBeCloseTo(1 / decode.residualRatio! - 1, 12);
  });

  test('a prediction carries how far it may lie off, and says where it reaches beyond that', () => {
    const reach = {
      points: 6,
      models: 6,
      error: 0.1,
      sequences: 8,
      passTokens: 4096,
      depth: 4096,
      setBytes: 1e9,
    };
    const judged = (depth: number) => {
      const checks = (['prefill', 'decode'] as const).map((phase) => ({ ...reach, phase, depth }));
      const factors = { ...GIVEN.factors!, factors: { ...PERFECT, checks } };
      return judge(calmInput({ roofline: { ...GIVEN, factors } })).measurements.predictedPrefillSeconds!;
    };
    const within = judged(4096);
    if (!isPresent(within)) throw new Error('not predicted');
    // Student's t of six at 97.5 %: 2.447.
    expect(Math.log(within.ci95![1] / within.value)).toBeCloseTo(0.2447, 3);
    expect(Math.log(within.value / within.ci95![0])).toBeCloseTo(0.2447, 3);
    expect(within.source).toBe(`measured ${ROOFS.id}`);
    expect(judged(4)).toMatchObject({
      source: expect.stringMatching(/^measured \w+, extrapolated: a context of \d+ \(looked at up to 4\)$/),
    });
  });

  test('factors of another build of the engine reach beyond what they were learned from', () => {
    const reach = {
      points: 6,
      models: 6,
      error: 0.1,
      sequences: 8,
      passTokens: 4096,
      depth: 4096,
      setBytes: 1e9,
    };
    const checks = (['prefill', 'decode'] as const).map((phase) => ({ ...reach, phase }));
    const factors = { ...GIVEN.factors!, engineBuild: 'aa', factors: { ...PERFECT, checks } };
    const beyond = (environment: TrialFacts['environment']) => {
      const input = { ...calmInput({ roofline: { ...GIVEN, factors } }), environment };
      return judge(input).roofline!.phases.map(({ predictionError }) => predictionError?.beyond);
    };
    expect(beyond({ engineBuild: 'aa' })).toEqual([[], []]);
    expect(beyond({})).toEqual([[], []]);
    expect(beyond({ engineBuild: 'bb' })[0]).toEqual(['engine build bb (factors of aa)']);
  });

  test('a model that fits into the last cache stands under the cache’s roof', () => {
    const [decode] = judge(decodeOnly(1, 0, { ...GIVEN, cacheBytes: 32e6 })).roofline!.phases;
    expect(decode).toMatchObject({ boundLevel: 'L3', bandwidth: { level: 'L3', bytesPerSecond: 40e9 } });
  });

  test('one thread stands under the roofs of one thread', () => {
    const [decode] = judge(decodeOnly(1, 0, { ...GIVEN, threads: 1 })).roofline!.phases;
    expect(decode!.bandwidth.bytesPerSecond).toBe(10e9);
    expect(decode!.peak!.flopsPerSecond).toBe(100e9);
  });

  test('without measured roofs the catalogue’s count, say so, and predict nothing', () => {
    const { roofline, measurements } = judge(calmInput({ roofs: null }));
    expect(roofline!.ceilings).toMatchObject({ origin: 'published', id: expect.stringContaining('h100') });
    expect(roofline!.factors).toBeNull();
    expect(measurements.prefillRoofRatio).toMatchObject({ source: expect.stringMatching(/^published h100/) });
    expect(measurements.predictedPrefillSeconds).toMatchObject({
      value: null,
      reason: 'factors are relative to measured roofs',
    });
  });

  test.each([
    ['no architecture', { roofline: null, absent: { roofline: 'the file is odd' } }, 'the file is odd'],
    [
      'neither roofs nor a known device',
      {
        roofs: null,
        absent: { roofs: 'they were turned off' },
        experiment: { ...experiment, device: 'cpu' },
      },
      'they were turned off, and the hardware catalogue has no test',
    ],
    [
      'a context beyond the model’s',
      { roofline: { ...GIVEN, architecture: { ...SMALL, contextLength: 1024 } } },
      'this llama model has at most 1024',
    ],
  ])('%s: every row says why', (_, changes, why) => {
    const { roofline, measurements } = judge(calmInput(changes));
    expect(roofline).toBeNull();
    for (const name of ['prefillModelFlopsUtilizationRatio', 'decodeRoofRatio', 'predictedPrefillSeconds'])
      expect(measurements[name], name).toMatchObject({ value: null, reason: expect.stringContaining(why) });
  });

  test('weights of a type that is not known are not predicted, and the row says why', () => {
    const architecture = { ...GIVEN.architecture, outputType: undefined };
    const { roofline, measurements } = judge(calmInput({ roofline: { ...GIVEN, architecture } }));
    expect(roofline!.phases.map(({ predictedSeconds }) => predictedSeconds)).toEqual([null, null]);
    for (const name of ['predictedPrefillSeconds', 'decodePredictionErrorRatio'])
      expect(measurements[name], name).toMatchObject({
        value: null,
        reason: 'factors go by the type of the weights, and that of lm_head is not known',
      });
    expect(isPresent(measurements.decodeRoofRatio)).toBe(true);
  });

  test('without factors there is everything but a prediction', () => {
    const { roofline, measurements } = judge(calmInput({ roofline: { ...GIVEN, factors: null } }));
    expect(roofline!.phases.every(({ predictedSeconds }) => predictedSeconds === null)).toBe(true);
    expect(isPresent(measurements.decodeRoofRatio)).toBe(true);
    expect(measurements.decodePredictionErrorRatio).toMatchObject({
      reason: 'no factors were fitted on this device',
    });
  });

  test('modules of a profiled trial have work, rates and a bound', () => {
    const profile: ProfileRecord = {
      rounds: 3,
      phases: [
        {
          name: 'decode',
          tokens: 32,
          passes: 32,
          plainSeconds: 0.9,
          profiledSeconds: 1,
          operators: [
            { module: 'mlp', operator: 'ffn_up', op: 'MUL_MAT', calls: 64, seconds: 0.6 },
            { module: 'lm-head', operator: 'output', op: 'MUL_MAT', calls: 32, seconds: 0.3 },
          ],
        },
      ],
    };
    const { phases } = judge({ ...decodeOnly(256), profile }).roofline!;
    const [mlp, head, around] = phases[0]!.modules!;
    // An eighth of the steps were profiled.
    expect(head!.flops).toBeCloseTo(32 * HEAD, 0);
    expect(head!.roofRatio).toBeCloseTo((32 * (2 * 64 * 1000)) / 16e9 / 0.3, 6);
    expect(mlp).toMatchObject({ module: 'mlp', bound: 'memory', share: 0.6 });
    expect(around).toMatchObject({ module: 'around', flops: null, roofRatio: null, bound: null });
  });

  test('a record keeps all of it, and judges the same again', () => {
    const record = recordOf(calmInput());
    const read = resultSchema.parse(JSON.parse(JSON.stringify(record)));
    expect(read).toEqual(record);
    expect(recompute(read)).toEqual(read);
    expect(read.given?.roofline?.factors?.factors).toEqual(PERFECT);
  });
});
