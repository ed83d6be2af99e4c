import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ARITHMETICS, NO_TRAFFIC, type OperatorWork } from '../../../core/work/work.js';
import { type Ceilings, peakFor, publishedCeilings } from '../../../roofline/ceilings.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { placeOperator, placePass, unknownCeilings } from '../../../roofline/place.js';
import { forAll } from '../../support/for-all.js';

const device: Ceilings = {
  name: 'a device',
  origin: 'published',
  memoryBytesPerSecond: 100,
  peaks: { f16: 1000, f32: 500 },
  peerBytesPerSecond: 10,
  hostBytesPerSecond: null,
  memoryBytes: null,
};

const operator = (flops: number, bytes: number, rest: Partial<OperatorWork> = {}): OperatorWork => ({
  name: 'q_proj',
  module: 'qkv',
  class: 'matmul',
  arithmetic: 'f16',
  calls: 1,
  flops,
  traffic: { ...NO_TRAFFIC, weightsRead: bytes },
  linkBytes: 0,
  ...rest,
});

describe('placing an operator', () => {
  test('left of the ridge point memory decides, right of it arithmetic', () => {
    expect(placeOperator(operator(900, 100), device)).toMatchObject({
      bound: 'memory',
      seconds: 1,
      intensity: 9,
    });
    expect(placeOperator(operator(2000, 100), device)).toMatchObject({ bound: 'compute', seconds: 2 });
    // At the ridge point itself both take as long; as in LLM-Viewer it counts as compute.
    expect(placeOperator(operator(1000, 100), device)).toMatchObject({ bound: 'compute', seconds: 1 });
  });

  test('what is sent over a link comes after', () => {
    const reduce = operator(0, 0, { module: 'collective', linkBytes: 30 });
    expect(placeOperator(reduce, device)).toMatchObject({ bound: 'link', seconds: 3, intensity: null });
    // Between peers without a link it goes through the host.
    const cards = { ...device, peerBytesPerSecond: null, hostBytesPerSecond: 5 };
    expect(placeOperator(reduce, cards).seconds).toBe(6);
    const fetch = operator(0, 0, { name: 'fetch_weights', module: 'collective', linkBytes: 30 });
    expect(placeOperator(fetch, device).seconds).toBe(0);
    expect(unknownCeilings({ phase: 'decode', operators: [fetch] }, device)).toEqual([
      'no published link of a device: what is sent over links takes no time here',
    ]);
  });

  test('an arithmetic that the device lacks is computed in the next wider', () => {
    expect(peakFor(device, 'int4')).toEqual({ arithmetic: 'f16', flopsPerSecond: 1000 });
    expect(peakFor(device, 'bf16')).toEqual({ arithmetic: 'f32', flopsPerSecond: 500 });
    expect(peakFor(device, 'f64')).toBeNull();
    const npu = publishedCeilings(requireHardware('hexagon'));
    expect(peakFor(npu, 'f16')).toBeNull();
    const pass = { phase: 'decode', operators: [operator(10, 10)] } as const;
    expect(unknownCeilings(pass, npu)).toEqual([
      'no published peak of snapdragon-x-elite-npu for f16 or wider: times are what memory allows',
    ]);
    expect(placePass(pass, npu).operators[0]).toMatchObject({ bound: 'memory', peak: null });
  });

  test('a pass is its operators one after the other, and none beats a ceiling', () => {
    const work = fc.record({
      flops: fc.integer({ min: 0, max: 1e12 }),
      bytes: fc.integer({ min: 1, max: 1e12 }),
      arithmetic: fc.constantFrom(...ARITHMETICS.filter((a) => a !== 'f64')),
      linkBytes: fc.integer({ min: 0, max: 1e9 }),
    });
    forAll(100, [fc.array(work, { minLength: 1, maxLength: 8 })], (works) => {
      const operators = works.map(({ flops, bytes, ...rest }) => operator(flops, bytes, rest));
      const placed = placePass({ phase: 'prefill', operators }, device);
      for (const { seconds, bytes, work, peak } of placed.operators) {
        expect(bytes / seconds).toBeLessThanOrEqual(device.memoryBytesPerSecond * (1 + 1e-9));
        expect(work.flops / seconds).toBeLessThanOrEqual((peak?.flopsPerSecond ?? 0) * (1 + 1e-9));
      }
      const sum = placed.operators.reduce((total, { seconds }) => total + seconds, 0);
      expect(placed.seconds).toBeCloseTo(sum, 6);
    });
  });
});
