import { describe, expect, test } from 'vitest';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import type { Parallelism } from '../../../core/work/pass/setting.js';
import { stageWorks } from '../../../core/work/pass-work.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { compileStep, type Step } from '../../../roofline/step/compile.js';
import { servedIn } from '../../../roofline/step/served-in.js';
import {
  type Chunk,
  kernelsIn,
  NO_GRAPHS,
  NO_HOST,
  type StepBatch,
  type StepSetting,
} from '../../../roofline/step/setting.js';
import { FakeOperators } from '../../support/fake-operators.js';
import { sound } from '../../support/reading.js';

function served(name: string): ModelArchitecture {
  return servedIn(sound(namedArchitecture(name)).architecture, 'bf16');
}

const ONE: Parallelism = { tensor: 1, pipeline: 1, expert: 1 };
const setting: StepSetting = {
  parallelism: ONE,
  kernels: kernelsIn('bf16'),
  graphs: NO_GRAPHS,
  host: NO_HOST,
};

function compiled(
  architecture: ModelArchitecture,
  given: Partial<StepSetting> = {},
  fake = new FakeOperators(),
): Step {
  const step = compileStep(architecture, fake, { ...setting, ...given });
  if (!('secondsOf' in step)) throw new Error(step.join('; '));
  return step;
}

const batchOf = (decodes: number, contextTokens: number, ...chunks: Chunk[]): StepBatch => ({
  decodes,
  contextTokens,
  chunks,
});

/** The same batch by its calls, each asked for by itself. */
function directSeconds(architecture: ModelArchitecture, parallelism: Parallelism, batch: StepBatch): number {
  const fake = new FakeOperators();
  const decoding = { sequences: batch.decodes, newTokens: 1, cachedTokens: batch.contextTokens - 1 };
  const stages = stageWorks(architecture, {
    phase: 'decode',
    batch: [
      ...(batch.decodes === 0 ? [] : [decoding]),
      ...batch.chunks.map((chunk) => ({ sequences: 1, ...chunk })),
    ],
    parallelism,
    kernels: kernelsIn('bf16'),
  });
  return stages
    .flatMap(({ operators }) => operators.flatMap(({ kernelCalls }) => kernelCalls ?? []))
    .reduce((sum, { call, times }) => sum + times * (fake.timeOf(call).seconds ?? Number.NaN), 0);
}

const llama = served('llama-3-8b');

describe('a compiled step', () => {
  test.each([
    ['llama-3-8b', ONE],
    ['llama-3-70b', { tensor: 4, pipeline: 2, expert: 1 }],
    ['mixtral-8x7b', { tensor: 2, pipeline: 1, expert: 4, data: 2 }],
    // Its layers take turns: a window, all tokens.
    ['gpt-oss-20b', ONE],
  ])('of %s takes what its calls take', (name, parallelism) => {
    const architecture = served(name);
    const step = compiled(architecture, { parallelism });
    for (const batch of [
      batchOf(1, 1),
      batchOf(7, 333),
      batchOf(200, 5000),
      batchOf(0, 0, { newTokens: 1500, cachedTokens: 0 }),
      batchOf(33, 777, { newTokens: 900, cachedTokens: 3000 }, { newTokens: 100, cachedTokens: 0 }),
    ]) {
      const ratio = step.secondsOf(batch) / directSeconds(architecture, parallelism, batch);
      expect(Math.abs(Math.log(ratio)), JSON.stringify(batch)).toBeLessThan(0.015);
    }
  });

  test('asks each node once, however many steps are asked for', () => {
    const fake = new FakeOperators();
    const step = compiled(llama, {}, fake);
    const steps = () => {
      for (let i = 0; i < 5000; i++)
        step.secondsOf(
          batchOf(1 + (i % 200), 1 + (i % 4000), { newTokens: 1 + (i % 512), cachedTokens: i % 900 }),
        );
    };
    steps();
    const asked = fake.calls.length;
    expect(asked).toBeLessThan(3000);
    steps();
    expect(fake.calls.length).toBe(asked);
  });

  test('is 0 for an empty batch', () => {
    expect(compiled(llama).secondsOf(batchOf(0, 0))).toBe(0);
    expect(compiled(llama).timeOf(batchOf(0, 0))).toMatchObject({ seconds: 0, spread: 0 });
  });

  test('is padded to the next graph, and launched kernel by kernel beyond the largest', () => {
    const graphs = { sizes: [1, 64], launchSeconds: null };
    const step = compiled(llama, { graphs });
    const plain = compiled(llama);
    const attention = plain.secondsOf(batchOf(64, 100)) - plain.secondsOf(batchOf(33, 100));
    expect(step.secondsOf(batchOf(33, 100))).toBeGreaterThan(plain.secondsOf(batchOf(33, 100)));
    expect(step.secondsOf(batchOf(33, 100))).toBeLessThan(plain.secondsOf(batchOf(33, 100)) + attention);
    expect(step.secondsOf(batchOf(65, 100))).toBe(plain.secondsOf(batchOf(65, 100)));
    const slow = compiled(llama, { graphs: { ...graphs, launchSeconds: 1e-3 } });
    // 10 kernels a layer, embedding, norm and output.
    expect(slow.secondsOf(batchOf(65, 100))).toBeCloseTo(0.001 * (10 * 32 + 3), 6);
    expect(slow.secondsOf(batchOf(33, 100))).toBe(step.secondsOf(batchOf(33, 100)));
  });

  test('takes what the host takes beside, which limits where it is longer', () => {
    const host = { ...NO_HOST, kernelFactor: 1.1, stepSeconds: 0.5, tokenSeconds: 0.01 };
    const batch = batchOf(10, 100, { newTokens: 5, cachedTokens: 0 });
    const kernels = compiled(llama).secondsOf(batch);
    const time = compiled(llama, { host }).timeOf(batch);
    expect(time.seconds).toBeCloseTo(1.1 * kernels + 0.5 + 15 * 0.01, 9);
    expect(time.kernelSeconds).toBeCloseTo(1.1 * kernels, 4);
    expect(time.limit).toBe('host');
    expect(compiled(llama).timeOf(batchOf(1, 100)).limit).toBe('memory');
    expect(compiled(llama).timeOf(batchOf(0, 0, { newTokens: 4096, cachedTokens: 0 })).limit).toBe('compute');
  });

  test('is less sure than its families apart, and surer than if all of them were off together', () => {
    // Every call of the fake has a spread of 0.1.
    const { spread } = compiled(llama).timeOf(batchOf(64, 2000));
    expect(spread).toBeLessThan(0.1);
    expect(spread).toBeGreaterThan(0.1 / Math.sqrt(4));
    const host = { ...NO_HOST, spread: 0.3 };
    expect(compiled(llama, { host }).timeOf(batchOf(64, 2000)).spread).toBeCloseTo(
      Math.hypot(spread, 0.3),
      9,
    );
  });

  test('a stage of a pipeline takes a part of the way', () => {
    const step = compiled(served('llama-3-70b'), { parallelism: { tensor: 1, pipeline: 4, expert: 1 } });
    const batch = batchOf(16, 1000);
    expect(step.stageSecondsOf(batch) / step.secondsOf(batch)).toBeCloseTo(0.25, 1);
  });

  test('is refused with every reason where kernels have no table', () => {
    expect(compileStep(llama, new FakeOperators('attention'), setting)).toEqual(['no table of attention']);
    const bare = sound(namedArchitecture('llama-3-8b')).architecture;
    const reasons = compileStep(bare, new FakeOperators(), setting);
    expect(reasons).toContain('nobody knows how q_proj is called on a GPU');
  });
});

test('a mixed batch reads the weights of latent layers once, though each of its groups has a time with them', () => {
  const fake = new FakeOperators();
  const step = compiled(served('deepseek-v3'), { parallelism: { tensor: 8, pipeline: 1, expert: 1 } }, fake);
  const layers = fake.calls.filter(({ family }) => family === 'latent-layer');
  const smallest = 61 * Math.min(...layers.map((call) => fake.timeOf(call).seconds ?? Number.NaN));
  const chunk = { newTokens: 64, cachedTokens: 0 };
  const [one, two] = [batchOf(8, 1000, chunk), batchOf(8, 1000, chunk, chunk)];
  // 64 more tokens cost little beside the weights of the experts, most of which are read already.
  const apart = step.secondsOf(batchOf(8, 1000)) + step.secondsOf(batchOf(0, 0, chunk));
  expect(smallest).toBeGreaterThan(1e-3);
  expect(step.secondsOf(one)).toBeLessThan(apart - smallest);
  expect(step.secondsOf(two) - step.secondsOf(one)).toBeLessThan(smallest);
  expect(step.secondsOf(two)).toBeGreaterThan(step.secondsOf(one));
  for (const batch of [one, two])
    expect(step.timeOf(batch).kernelSeconds).toBeCloseTo(step.secondsOf(batch), 5);
});

test('drafted tokens are verified at one reading of the cache: between one token a sequence and as many sequences', () => {
  const step = compiled(served('llama-3-8b'));
  const batch = batchOf(32, 8192);
  const verified = step.secondsOf({ ...batch, decodeTokens: 4 });
  expect(verified).toBeGreaterThan(step.secondsOf(batch));
  expect(verified).toBeLessThan(step.secondsOf(batchOf(128, 8192)) / 2);
  expect(step.timeOf({ ...batch, decodeTokens: 4 }).seconds).toBeCloseTo(verified, 9);
  expect(step.secondsOf({ ...batch, decodeTokens: 1 })).toBe(step.secondsOf(batch));
});
