import { afterEach, describe, expect, test } from 'vitest';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { loadLlama } from '../../engines/native/llama.js';
import { findStepLoops } from '../../engines/native/step-loop.js';
import type { LlamaModel } from '../../engines/runners/llama-cpp/index.js';
import { stepByStep } from '../../engines/runners/step-by-step.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { load, prompt } from './loading.js';

const STEPS = 20;

let model: LlamaModel | null = null;
afterEach(() => model?.close());

/** @returns tokens of steps, other ones in each and for each sequence. */
const tokensOf = (sequences: number): Int32Array[] =>
  Array.from({ length: STEPS }, (_, i) => Int32Array.from({ length: sequences }, (_, s) => 5 + 7 * i + s));

test.each(['javascript', 'native'])(
  'stamps of steps from %s rise, one for each, on the clock of phases',
  async (loop) => {
    model = await load('tiny');
    model.prefill([prompt(8, 1)]);
    const tokens = tokensOf(1);
    const before = monotonicSeconds();
    const ends = loop === 'native' ? model.steps(tokens) : stepByStep(tokens, (step) => model!.step(step));
    const all = [before, ...ends, monotonicSeconds()];
    expect(ends).toHaveLength(STEPS);
    for (const [i, end] of ends.entries()) expect(end, `step ${i}`).toBeGreaterThan(all[i]!);
    expect(all.at(-1)).toBeGreaterThanOrEqual(ends.at(-1)!);
  },
);

describe.skipIf(kernelsLibrary() === null)('the native loop (needs our native library)', () => {
  test.each([1, 3])('computes what steps from JavaScript do, %d sequences together', async (sequences) => {
    model = await load('tiny', {}, { sequences });
    expect(model.facts.environment.stepLoop).toBe('native');
    const prompts = Array.from({ length: sequences }, (_, s) => prompt(8 + s, s));
    const logits = (decode: (tokens: Int32Array[]) => void) => {
      model!.reset(0);
      model!.prefill(prompts);
      // Twice: the second call goes on where the first one ended.
      decode(tokensOf(sequences));
      decode(tokensOf(sequences).reverse());
      return prompts.map((_, s) => model!.logits(s));
    };
    const expected = logits((tokens) => stepByStep(tokens, (step) => model!.step(step)));
    const found = logits((tokens) => model!.steps(tokens));
    expect(found).toEqual(expected);
    for (const [s, own] of expected.entries()) expect(own, `${s}`).not.toEqual(expected[s + 1]);
  });

  test('ends with the step that the engine refuses, and the model goes on after a reset', async () => {
    model = await load('tiny', {}, { contextTokens: 256 });
    model.prefill([prompt(250, 1)]);
    expect(() => model!.steps(tokensOf(1))).toThrow('the KV cache is full');
    model.reset(0);
    expect(model.steps(tokensOf(1))).toHaveLength(STEPS);
  });
});

test('a library that does not open leaves the steps to JavaScript, and says so', async () => {
  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  expect(await findStepLoops(llama, null)).toEqual({ open: null, warnings: [] });
  const { open, warnings } = await findStepLoops(llama, '/nowhere/libridgepoint-kernels.so');
  expect(open).toBeNull();
  expect(warnings).toEqual([expect.stringContaining('/nowhere/libridgepoint-kernels.so cannot be opened')]);
});
