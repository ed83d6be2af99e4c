import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { publishedCeilings } from '../../../roofline/ceilings.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { fitServing } from '../../../roofline/fit/serving.js';
import type { ServingGoal } from '../../../roofline/fit/serving-goal.js';
import { splitsOf } from '../../../roofline/fit/split.js';
import { fitTraining, type TrainingGoal, trainingMemory } from '../../../roofline/fit/training.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { forAll } from '../../support/for-all.js';
import { sound } from '../../support/reading.js';

function model(name: string) {
  return sound(namedArchitecture(name)).architecture;
}
const device = (name: string) => publishedCeilings(requireHardware(name));

const ANY_SPLIT = { tensor: null, pipeline: null, expert: null };

const serving: ServingGoal = {
  promptTokens: 4000,
  contextTokens: 4096,
  batch: 1,
  maxFirstTokenSeconds: null,
  maxTokenSeconds: null,
  efficiency: 1,
  memoryShare: 0.9,
  speculation: null,
  split: ANY_SPLIT,
  maxOffload: 0,
  pass: {},
};

describe('serving', () => {
  test('a model that one device holds needs one; one that it does not hold, more', () => {
    expect(fitServing(model('llama-2-7b'), device('a100-80gb'), serving, 8)).toMatchObject({
      devices: 1,
      misses: [],
    });
    // 138 GB of weights: two of 80 GB at 90 % hold 144.
    const large = fitServing(model('llama-2-70b'), device('a100-80gb'), serving, 8)!;
    expect(large.devices).toBe(2);
    expect(large.memoryBytes).toBeGreaterThan(138e9 / 2);
    expect(fitServing(model('llama-2-70b'), device('a100-80gb'), serving, 1)?.misses).toEqual(['memory']);
  });

  test('Llama 3 70B in f16 with 8k of context fits on two cards of 80 GB', () => {
    const goal = { ...serving, promptTokens: 8191, contextTokens: 8192 };
    for (const card of ['a100-80gb', 'h100'])
      expect(fitServing(model('llama-3-70b'), device(card), goal, 8), card).toMatchObject({
        devices: 2,
        misses: [],
      });
  });

  test('DeepSeek V3 as it is published, in FP8, fits on eight H200', () => {
    expect(fitServing(model('deepseek-v3'), device('h200'), serving, 16)).toMatchObject({
      devices: 8,
      misses: [],
    });
  });

  test('a time per token cannot be shorter than reading the weights', () => {
    const a100 = device('a100-80gb');
    const seconds = (6_607_340_000 * 2) / a100.memoryBytesPerSecond;
    const fit = fitServing(model('llama-2-7b'), a100, serving, 1)!;
    expect(fit.tokenSeconds).toBeGreaterThan(seconds);
    expect(fit.tokenSeconds).toBeLessThan(1.3 * seconds);
    const hurried = fitServing(model('llama-2-7b'), a100, { ...serving, maxTokenSeconds: 0.8 * seconds }, 8)!;
    expect(hurried).toMatchObject({ devices: 2, misses: [] });
    const half = fitServing(model('llama-2-7b'), a100, { ...serving, efficiency: 0.5 }, 1)!;
    expect(half.tokenSeconds).toBeCloseTo(2 * fit.tokenSeconds, 12);
  });

  test('a draft pays where the target is bound by memory, in time and not in memory', () => {
    const alone = fitServing(model('llama-2-7b'), device('a100-80gb'), serving, 1)!;
    const goal = (acceptance: number) => ({
      ...serving,
      contextTokens: 2048,
      promptTokens: 2000,
      speculation: { draft: model('smollm2-135m'), draftTokens: 4, acceptance },
    });
    const drafted = (acceptance: number) =>
      fitServing(model('llama-2-7b'), device('a100-80gb'), goal(acceptance), 1)!;
    expect(drafted(0.8).tokenSeconds).toBeLessThan(0.5 * alone.tokenSeconds);
    expect(drafted(0.01).tokenSeconds).toBeGreaterThan(alone.tokenSeconds);
    const plain = fitServing(
      model('llama-2-7b'),
      device('a100-80gb'),
      { ...goal(0.8), speculation: null },
      1,
    )!;
    expect(drafted(0.8).memoryBytes - plain.memoryBytes).toBeGreaterThan(2 * 134_515_008);
  });

  test('splits are all ways to so many devices, as far as they are decided', () => {
    const dense = splitsOf(model('llama-2-7b'), 4, ANY_SPLIT);
    const words = (splits: typeof dense) =>
      splits.map(({ tensor, pipeline, expert }) => `${tensor}/${pipeline}/${expert}`);
    expect(words(dense)).toEqual(['4/1/1', '2/2/1', '1/4/1']);
    expect(words(splitsOf(model('mixtral-8x7b'), 4, ANY_SPLIT)).sort()).toEqual(
      ['1/1/4', '1/2/2', '1/4/1', '2/1/4', '2/2/1', '2/2/2', '4/1/1', '4/1/4'].sort(),
    );
    expect(words(splitsOf(model('mixtral-8x7b'), 4, { ...ANY_SPLIT, tensor: 1, pipeline: 1 }))).toEqual([
      '1/1/4',
    ]);
  });

  test('stages are what is left where heads cannot be shared, and fill with micro-batches', () => {
    const goal = { ...serving, batch: 8, contextTokens: 1024, promptTokens: 1000 };
    // GPT-2 XL has 25 heads: neither 2 nor 4 devices can share them.
    const fit = fitServing(model('gpt2-xl'), device('t4'), { ...goal, maxTokenSeconds: 0.02 }, 4)!;
    const staged = fitServing(
      model('gpt2-xl'),
      device('t4'),
      { ...goal, split: { tensor: null, pipeline: 4, expert: null } },
      4,
    )!;
    expect(fit.split.tensor).toBe(1);
    expect(staged).toMatchObject({ devices: 4, split: { tensor: 1, pipeline: 4 }, microBatches: 4 });
    // Each holds a quarter of the layers and their cache, and an end of the vocabulary.
    const alone = fitServing(model('gpt2-xl'), device('t4'), goal, 1)!;
    expect(alone.memoryBytes / staged.memoryBytes).toBeGreaterThan(3);
  });

  test('no more stays with the host than has to', () => {
    const goal = { ...serving, maxOffload: 1 };
    const withHost = (maxOffload: number) =>
      fitServing(model('llama-2-70b'), device('a100-80gb'), { ...goal, maxOffload }, 1)!;
    const { offload, memoryBytes, roomBytes, tokenSeconds, misses } = withHost(1);
    expect(misses).toEqual([]);
    expect(memoryBytes).toBeLessThanOrEqual(roomBytes!);
    // One layer of 80 less, of 1.7 GB, would be too much.
    expect(memoryBytes + 1.72e9).toBeGreaterThan(roomBytes!);
    expect(Math.round(offload * 80)).toBeCloseTo(offload * 80, 9);
    // The link of the host is the limit: 32 GB/s.
    expect(tokenSeconds).toBeGreaterThan((offload * 137e9) / device('a100-80gb').hostBytesPerSecond!);
    expect(withHost(offload - 1 / 80)).toMatchObject({ offload: 0, misses: ['memory'] });
  });

  test('the largest batch still fits, and one more does not', () => {
    const goal = { ...serving, maxTokenSeconds: 0.05 };
    const { devices, largestBatch } = fitServing(model('llama-3.1-8b'), device('a100-80gb'), goal, 8)!;
    const misses = (batch: number) =>
      fitServing(model('llama-3.1-8b'), device('a100-80gb'), { ...goal, batch }, devices)?.misses;
    expect(largestBatch).toBeGreaterThan(10);
    expect(misses(largestBatch)).toEqual([]);
    expect(misses(largestBatch + 1)).not.toEqual([]);
  });
});

const training: TrainingGoal = {
  method: 'full',
  rank: 16,
  zero: 0,
  recomputation: 'none',
  flashAttention: true,
  sequenceTokens: 2048,
  microBatch: 1,
  efficiency: 1,
  memoryShare: 0.9,
};

describe('fine-tuning, counted by hand (Llama-2-7B: 6 738 415 616 parameters)', () => {
  const P = 6_738_415_616;
  const memory = (goal: Partial<TrainingGoal>, devices = 1) =>
    trainingMemory(model('llama-2-7b'), { ...training, ...goal }, devices);
  const state = (goal: Partial<TrainingGoal>, devices: number) => {
    const { weights, gradients, optimizer } = memory(goal, devices);
    return weights + gradients + optimizer;
  };

  test('16 bytes a parameter, shared out by stage', () => {
    expect(state({ zero: 0 }, 8)).toBe(16 * P);
    expect(state({ zero: 1 }, 8)).toBe((4 + 12 / 8) * P);
    expect(state({ zero: 2 }, 8)).toBe((2 + 14 / 8) * P);
    expect(state({ zero: 3 }, 8)).toBe((16 / 8) * P);
  });

  test('of adapters only what is trained', () => {
    // r (in + out) for q, k, v, o of 4096 and gate, up, down of 4096 and 11008, in 32 layers.
    const trained = 32 * 16 * (4 * 8192 + 3 * (4096 + 11_008));
    const { weights, gradients, optimizer } = memory({ method: 'lora' });
    expect([weights, gradients, optimizer]).toEqual([2 * P + 2 * trained, 2 * trained, 12 * trained]);
    const matrices = 32 * (4 * 4096 ** 2 + 3 * 4096 * 11_008);
    const nf4 = (4 + 8 / 64 + 32 / (64 * 256)) / 8;
    expect(memory({ method: 'qlora' }).weights).toBeCloseTo(
      matrices * nf4 + 2 * (P - matrices) + 2 * trained,
      0,
    );
  });

  test('activations: 34 s b h a layer, 5 A s / h more with scores, 2 s b h when they are computed again', () => {
    const row = 2048 * 4096;
    const logits = 2 * 4 * 2048 * 32_000;
    const activations = (goal: Partial<TrainingGoal>) => memory(goal).activations - logits;
    expect(activations({})).toBe(32 * 34 * row);
    expect(activations({ flashAttention: false })).toBe(32 * (34 + (5 * 32 * 2048) / 4096) * row);
    expect(activations({ flashAttention: false, recomputation: 'selective' })).toBe(32 * 34 * row);
    expect(activations({ recomputation: 'full' })).toBe(32 * 2 * row + 34 * row);
  });

  test('the way back costs twice the way there, once with a frozen base, and once more when computed again', () => {
    const seconds = (goal: Partial<TrainingGoal>) =>
      fitTraining(model('llama-2-7b'), device('a100-80gb'), { ...training, ...goal }, 1).stepSeconds!;
    expect(seconds({ method: 'lora' }) / seconds({})).toBeCloseTo(2 / 3, 12);
    expect(seconds({ recomputation: 'full' }) / seconds({})).toBeCloseTo(4 / 3, 12);
    // 6 N a token, and attention.
    const tokens = 2048;
    expect((seconds({}) * 312e12) / (6 * (P - 32_000 * 4096) * tokens)).toBeGreaterThan(1);
    expect((seconds({}) * 312e12) / (6 * (P - 32_000 * 4096) * tokens)).toBeLessThan(1.06);
  });

  test('more devices, higher stages and more recomputation never take more', () => {
    const goals = fc.record({
      method: fc.constantFrom('full', 'lora', 'qlora'),
      zero: fc.constantFrom(0, 1, 2),
      devices: fc.constantFrom(1, 2, 4, 8),
      sequenceTokens: fc.integer({ min: 1, max: 4096 }),
      flashAttention: fc.boolean(),
    } as const);
    forAll(100, [goals], ({ devices, zero, ...goal }) => {
      const bytes = (more: Partial<TrainingGoal>, count: number = devices) =>
        memory({ ...goal, zero, ...more }, count).bytes;
      expect(bytes({ zero: (zero + 1) as 1 | 2 | 3 })).toBeLessThanOrEqual(bytes({}));
      expect(bytes({}, 2 * devices)).toBeLessThanOrEqual(bytes({}));
      expect(bytes({ recomputation: 'selective' })).toBeLessThanOrEqual(bytes({}));
    });
  });
});
