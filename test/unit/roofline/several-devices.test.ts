import { describe, expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { readOptions } from '../../../core/experiment/options.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { onDevices } from '../../../core/work/engine-passes.js';
import type { LatencyWork } from '../../../core/work/latency.js';
import { fullestShare, layersByShare, llamaCppPasses, sharesAsked } from '../../../core/work/llama-cpp.js';
import { spreadOptions } from '../../../core/work/llama-cpp-options.js';
import { predictMemory } from '../../../core/work/memory.js';
import { stagesCut } from '../../../core/work/pass/stages.js';
import { operatorsOf, type PhaseWork, phaseWork, stagedPhaseWork } from '../../../core/work/phase-work.js';
import type { MachineModel } from '../../../roofline/machine-model.js';
import { throughAll } from '../../../roofline/pipeline.js';
import { placePhase } from '../../../roofline/placement.js';
import { SMALL_FACTS } from '../../support/experiments.js';
import { GIVEN, PERFECT, ROOFS, SMALL } from '../../support/roofline.js';
import { calmInput } from '../judgement/trace.js';

/** A device whose memory alone takes time. */
const machine = (bytesPerSecond: number): MachineModel => ({
  ceilings: {
    name: 'a device',
    origin: 'measured',
    memoryBytesPerSecond: bytesPerSecond,
    peaks: {},
    peerBytesPerSecond: null,
    hostBytesPerSecond: null,
    memoryBytes: null,
  },
  cacheBytesPerSecond: null,
  cacheBytes: null,
  nearBytesPerSecond: 1e30,
});

/** Of a layer of SMALL: matrices in f16 and two norms in f32; K and V of a token in f16. */
const LAYER = 2 * (64 * 64 * 2 + 64 * 32 * 2 + 64 * 128 * 3) + 2 * 64 * 4;
const CACHED = 2 * 32 * 2;
const EMBEDDED = 64 * 2;
const HEAD = 2 * 64 * 1000 + 64 * 4;

/** The parts of two devices with a layer each, of the only phase. */
function halves(options: Options, workload: LatencyWork): readonly [PhaseWork, PhaseWork] {
  const [[first, second] = []] = stagedPhaseWork(SMALL, options, workload, llamaCppPasses, [1, 1]);
  return [first!, second!];
}

const DECODE = { promptTokens: 0, generateTokens: 1, sequences: 1, contextDepth: 99 };

describe('layers on several devices', () => {
  test('go by shares as in llama.cpp, the output counted as one more', () => {
    // i / 33 is below 1/2 up to 16, and the output is the 32nd.
    expect(layersByShare(32, [1, 1])).toEqual([17, 15]);
    expect(layersByShare(32, [3, 1])).toEqual([25, 7]);
    // 4 / 5 is above 3/4: the second has the output and no layer.
    expect(layersByShare(4, [3, 1])).toEqual([4, 0]);
    expect(layersByShare(8, [1, 0])).toEqual([8]);
    expect(layersByShare(8, [0, 1])).toEqual([0, 8]);
    expect(layersByShare(6, [60 * 2 ** 30, 20 * 2 ** 30, 0])).toEqual([6, 0]);
  });

  test('shares are those that are asked for; zeros alone are none', () => {
    expect(sharesAsked({ tensorSplit: '3/1' })).toEqual([3, 1]);
    expect(sharesAsked({ tensorSplit: '0/0' })).toBeNull();
    expect(sharesAsked({ tensorSplit: null })).toBeNull();
  });

  test('are cut in order; the last device may have the output alone', () => {
    const stages = stagesCut(SMALL, [2, 0]);
    expect(stages.map(({ layers }) => layers.map(({ count }) => count))).toEqual([[2], []]);
    expect(stages.map(({ first, last, endsLayers }) => [first, last, endsLayers])).toEqual([
      [true, false, true],
      [false, true, false],
    ]);
  });

  test.each([[[1, 1]], [[2, 0]], [[0, 2]], [[2]]])('ask together what one device asks: %j', (layers) => {
    const workload = { promptTokens: 40, generateTokens: 5, sequences: 2, contextDepth: 3 };
    const options = { ubatch: 16, batch: 32 };
    const whole = phaseWork(SMALL, options, workload);
    const parts = stagedPhaseWork(SMALL, options, workload, llamaCppPasses, layers);
    const sum = (works: typeof whole) =>
      works.flatMap(operatorsOf).reduce(
        (all, { flops, traffic }) => ({
          flops: all.flops + flops,
          weights: all.weights + traffic.weightsRead,
          cache: all.cache + traffic.cacheRead + traffic.cacheWritten,
        }),
        { flops: 0, weights: 0, cache: 0 },
      );
    for (const [i, phase] of whole.entries()) expect(sum(parts[i]!)).toEqual(sum([phase]));
  });
});

describe('passes through several devices', () => {
  const passes = [
    { times: 1, seconds: [2, 3] },
    { times: 2, seconds: [1, 4] },
  ];

  test('one after the other take the sum, and overlapping what a flow shop takes', () => {
    expect(throughAll(passes, false)).toBe(2 + 3 + 2 * (1 + 4));
    // The first leaves the second device at 5, and the two others wait for it: 5 + 4 + 4.
    expect(throughAll(passes, true)).toBe(13);
    expect(throughAll([], true)).toBe(0);
  });

  test('alike ones take as long as in GPipe: (m + p - 1) turns', () => {
    expect(throughAll([{ times: 6, seconds: [2, 2, 2] }], true)).toBe((6 + 3 - 1) * 2);
  });

  test('a step takes each device’s bytes at that device’s bandwidth, one after the other', () => {
    const [first, second] = halves({}, DECODE);
    const ofFirst = EMBEDDED + LAYER + 101 * CACHED;
    const ofSecond = LAYER + 101 * CACHED + HEAD;
    const placed = placePhase({
      work: first,
      machineModel: machine(1e6),
      factors: 'roofs',
      behind: [{ work: second, machineModel: machine(2e6), factors: 'roofs' }],
      measuredSeconds: 1,
      profiled: null,
    });
    expect(placed.roofSeconds).toBeCloseTo(ofFirst / 1e6 + ofSecond / 2e6, 12);
    expect(placed.predictedSeconds).toBe(placed.roofSeconds);
    expect(placed.roofRatio).toBe(placed.roofSeconds);
    // Less what is written: what both read, over the time in which they could.
    const read = [ofFirst - CACHED, ofSecond - CACHED] as const;
    const bandwidth = (read[0] + read[1]) / (read[0] / 1e6 + read[1] / 2e6);
    expect(placed.bandwidth.bytesPerSecond).toBeCloseTo(bandwidth, 3);
    expect(placed.mbu).toBeCloseTo((read[0] + read[1]) / bandwidth, 12);
    expect(placed).toMatchObject({ bound: 'memory', boundLevel: 'memory', peak: null, passes: 1 });
  });

  test('micro-batches of a prompt overlap where the engine has them do so', () => {
    const workload = { promptTokens: 3, generateTokens: 0, sequences: 1, contextDepth: 0 };
    const [first, second] = halves({ ubatch: 1 }, workload);
    const on = (overlaps: boolean) =>
      placePhase({
        work: first,
        machineModel: machine(1e6),
        factors: null,
        overlaps,
        behind: [{ work: second, machineModel: machine(1e6), factors: null }],
        measuredSeconds: 1,
        profiled: null,
      }).roofSeconds;
    // Only the last of three passes has logits; the feed-forward of the last layer is left out before that.
    const attention = (tokens: number) =>
      2 * (64 * 64 * 2 + 64 * 32 * 2) + 2 * 64 * 4 + (tokens + 1) * CACHED;
    const ofFirst = [1, 2, 3].map((tokens) => EMBEDDED + LAYER + (tokens + 1) * CACHED);
    const ofSecond = [attention(1) + 256, attention(2) + 256, LAYER + 4 * CACHED + HEAD];
    const sum = (bytes: readonly number[]) => bytes.reduce((a, b) => a + b, 0);
    expect(on(false)).toBeCloseTo((sum(ofFirst) + sum(ofSecond)) / 1e6, 12);
    // The first device is the slower one until the end.
    expect(on(true)).toBeCloseTo((sum(ofFirst) + ofSecond[2]!) / 1e6, 12);
  });
});

const SLOWER = {
  ...ROOFS,
  id: 'fedcba9876543210',
  bandwidth: ROOFS.bandwidth.map((one) => ({ ...one, bytesPerSecond: one.bytesPerSecond / 2 })),
  compute: ROOFS.compute.map((one) => ({ ...one, flopsPerSecond: one.flopsPerSecond / 2 })),
};

describe('a record of a trial on several devices', () => {
  const other = { name: 'the other', roofs: SLOWER, factors: GIVEN.factors };
  const one = judge(calmInput()).roofline!;

  test('stands under the roofs of all, its prediction beside', () => {
    const judged = (roofs: typeof ROOFS, layers: number[]) =>
      judge(
        calmInput({
          roofline: { ...GIVEN, others: [{ ...other, roofs }], stages: { layers, overlaps: false } },
        }),
      ).roofline!;
    // Two devices alike take as long as one, and a little more where layers of the two bind differently: the
    // last one has fewer rows.
    for (const [i, phase] of judged(ROOFS, [1, 1]).phases.entries()) {
      expect(phase.roofSeconds / one.phases[i]!.roofSeconds).toBeCloseTo(1, 2);
      expect(phase.roofSeconds).toBeGreaterThan(0.999999 * one.phases[i]!.roofSeconds);
      expect(phase.predictedSeconds! / one.phases[i]!.predictedSeconds!).toBeCloseTo(1, 2);
      expect(phase.predictionError).toBeUndefined();
      expect(phase.mbu).toBeCloseTo(one.phases[i]!.mbu, 12);
    }
    // All but the output on the slower one would take twice as long: this is between.
    const mixed = judged(SLOWER, [1, 1]);
    expect(mixed.stages).toEqual([
      { ceilings: one.ceilings, layers: 1 },
      { ceilings: { origin: 'measured', id: SLOWER.id, name: 'the other' }, layers: 1 },
    ]);
    for (const [i, phase] of mixed.phases.entries()) {
      expect(phase.roofSeconds).toBeGreaterThan(1.4 * one.phases[i]!.roofSeconds);
      expect(phase.roofSeconds).toBeLessThan(2 * one.phases[i]!.roofSeconds);
      expect(phase.roofRatio).toBe(phase.roofSeconds / phase.measuredSeconds);
    }
  });

  test('predicts nothing where one of them has no factors, and has no place where one has no roofs', () => {
    const judged = (change: object) =>
      judge(
        calmInput({
          roofline: {
            ...GIVEN,
            others: [{ ...other, ...change }],
            stages: { layers: [1, 1], overlaps: true },
          },
          absent: { factors: 'no factors of the other' },
          experiment: { ...calmInput().experiment, device: 'cuda' },
        }),
      );
    const { measurements, roofline } = judged({ factors: null });
    expect(roofline!.phases.map(({ predictedSeconds }) => predictedSeconds)).toEqual([null, null]);
    expect(measurements.predictedPrefillSeconds).toMatchObject({ reason: 'no factors of the other' });
    expect(judged({ roofs: null }).measurements.decodeRoofRatio).toMatchObject({
      value: null,
      reason: 'no roofs of the other were measured, and the hardware catalogue has no test',
    });
  });

  test('of shared matrices is of one device, and of the slowest', () => {
    const split = { tensor: 2, pipeline: 1, replicas: 1, spreadsExperts: false };
    // One key/value head is on both, so this model's attention does not shrink: its matrices do.
    const judged = (roofs: typeof ROOFS) =>
      judge(calmInput({ roofline: { ...GIVEN, others: [{ ...other, roofs }], split } })).roofline!;
    const alike = judged(ROOFS);
    expect(alike).toMatchObject({ devices: 2, ceilings: { id: ROOFS.id } });
    const options = calmInput().experiment.runner.options;
    const asked = { promptTokens: 1024, generateTokens: 256, sequences: 1, contextDepth: 0 };
    const work = phaseWork(SMALL, options, asked, onDevices(llamaCppPasses, 2));
    const flops = work.map((phase) => operatorsOf(phase).reduce((sum, of) => sum + of.flops, 0));
    expect(alike.phases.map((phase) => phase.flops)).toEqual(flops);
    expect(alike.phases[0]!.flops).toBeLessThan(0.6 * one.phases[0]!.flops);
    const { measurements } = judge(
      calmInput({
        roofline: { ...GIVEN, others: [{ ...other, roofs: null }], split },
        absent: { roofs: 'of the first' },
        experiment: { ...calmInput().experiment, device: 'cuda' },
      }),
    );
    expect(measurements.decodeRoofRatio).toMatchObject({
      reason: 'no roofs of the other were measured, and the hardware catalogue has no the other',
    });
    const slowest = judged(SLOWER);
    expect(slowest.ceilings.id).toBe(SLOWER.id);
    expect(slowest.phases[1]!.roofSeconds).toBeCloseTo(2 * alike.phases[1]!.roofSeconds, 9);
  });
});

const spread = (options: Options, layers: number) =>
  fullestShare(readOptions(spreadOptions, options), layers);

test('memory of a trial on several devices is that of the fullest', () => {
  expect(spread({}, 32)).toBe(1);
  expect(spread({ gpus: 2 }, 32)).toBe(17 / 33);
  expect(spread({ gpus: 2, tensorSplit: '1/3' }, 32)).toBe((32 - 9 + 1) / 33);
  expect(spread({ gpus: 4, splitMode: 'tensor' }, 32)).toBe(1 / 4);
  expect(spread({ gpus: 2, splitMode: 'tensor', tensorSplit: '3/1' }, 32)).toBe(3 / 4);
  // A header that lies makes nobody wait.
  expect(spread({ gpus: 2 }, 1e12)).toBeCloseTo(1 / 2, 2);
  const facts = {
    ...SMALL_FACTS,
    parameters: 1e9,
    bytes: 33e8,
    layers: 32,
    contextLength: 4096,
    keyElementsPerToken: 32,
    valueElementsPerToken: 32,
    vocabularySize: 1000,
    embeddingLength: 64,
  };
  const weights = (options: object, device = 'cuda') =>
    predictMemory({
      facts,
      quantizationBytes: 33e8,
      experiment: {
        technique: UNCHANGED,
        runner: { kind: 'llama-cpp', options: { ...options } },
        workload: { kind: 'latency', options: {} },
        device,
      },
    }).parts.weights;
  expect([weights({}), weights({ gpus: 2 })]).toEqual([33e8, 17e8]);
  // 29 of 33 stay here, and all where nothing is given away.
  const rpcServers = 'desk';
  expect(weights({ rpcServers, gpuLayers: 4 }, 'cpu')).toBe(29e8);
  expect(weights({ rpcServers, gpuLayers: 'all' }, 'cpu')).toBe(0);
  expect(weights({ gpuLayers: 'all' }, 'cpu')).toBe(33e8);
  expect(weights({ rpcServers, gpuLayers: 4 })).toBe(0);
});

/** Factors that reach every roof say what the roofs allow, on several devices, too. */
test('factors of several devices add up', () => {
  const [first, second] = halves({}, DECODE);
  const part = (work: PhaseWork) => ({ work, machineModel: machine(1e6), factors: PERFECT });
  const alone = [first, second].map(
    (work) => placePhase({ ...part(work), measuredSeconds: 1, profiled: null }).predictedSeconds!,
  );
  const both = placePhase({ ...part(first), behind: [part(second)], measuredSeconds: 1, profiled: null });
  expect(both.predictedSeconds).toBeCloseTo(alone[0]! + alone[1]!, 15);
});
