import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { giveWindow } from '../../artifacts/shape/window.js';
import { readOptions } from '../../core/experiment/options.js';
import { llamaCpp } from '../../core/runners/llama-cpp.js';
import type { EvictingModel } from '../../engines/runners/llama-cpp/evicting.js';
import type { LlamaModel } from '../../engines/runners/llama-cpp/index.js';
import { loadWithEviction } from '../../engines/runners/llama-cpp/load.js';
import { sharedFolder } from '../support/folder.js';
import { load, modelPath, prompt, rootMeanSquare } from './loading.js';

function open(
  eviction: string,
  sequences = 1,
  path = modelPath('small'),
): Promise<LlamaModel | EvictingModel> {
  return loadWithEviction({
    modelPath: path,
    options: readOptions(llamaCpp.options, { threads: 1, eviction }),
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [0],
    contextTokens: 1024,
    sequences,
  });
}

const folder = sharedFolder();
const text = prompt(600, 7);
const METHODS = ['streaming', 'knorm', 'keydiff'];

/** @returns the logits after all tokens of a text. */
function lastLogits(model: LlamaModel | EvictingModel, tokens: Int32Array): Float32Array {
  let last = new Float32Array(0);
  model.text.evaluate(tokens, tokens.length - 1, (index, logits) => {
    expect(index).toBe(tokens.length - 1);
    last = logits.slice();
  });
  return last;
}

describe('a cache that gives tokens up', () => {
  let whole: LlamaModel;
  let exact: Float32Array;
  beforeAll(async () => {
    whole = await load('small', {}, { contextTokens: 1024 });
    exact = lastLogits(whole, text);
  });
  afterAll(() => whole.close());

  test.each(METHODS)('%s: as a whole cache as long as nothing is given up', async (method) => {
    const model = await open(`${method}:600`);
    expect(rootMeanSquare(lastLogits(model, text), exact)).toBeLessThan(0.02);
    expect(model.text.tokenize('A text.', true)).toEqual(whole.text.tokenize('A text.', true));
    expect(model.text.chat).toEqual(whole.text.chat);
    model.close();
  });

  test.each(METHODS)('%s: other logits once tokens are gone, in a smaller cache', async (method) => {
    const model = await open(`${method}:128`);
    const difference = rootMeanSquare(lastLogits(model, text), exact);
    expect(difference).toBeGreaterThan(0.02);
    expect(difference).toBeLessThan(3);
    expect(model.facts.kvCacheBytes).toBe((whole.facts.kvCacheBytes ?? Number.NaN) / 4);
    expect(model.facts.contextLength).toBe(1024);
    model.close();
  });

  test('streaming without sinks is a sliding window', async () => {
    const outputPath = join(folder, 'window-101.gguf');
    await giveWindow({ inputPath: modelPath('small'), outputPath, tokens: 101, fullEvery: 0 });
    const windowed = await load(outputPath, {}, { contextTokens: 1024 });
    const expected = lastLogits(windowed, text);
    windowed.close();
    // A token sees the 100 that stayed, and itself.
    const model = await open('streaming:100?block=1&sinks=0');
    expect(rootMeanSquare(lastLogits(model, text), expected)).toBeLessThan(0.02);
    model.close();
  });

  test.each(METHODS)('%s: cut back and read again, it says the same', async (method) => {
    const model = await open(`${method}:128?block=32`);
    const first = lastLogits(model, text);
    model.reset(0);
    expect(lastLogits(model, text)).toEqual(first);
    // Tokens that it gave up are read again.
    expect(model.reset(500)).toBe(false);
    expect(rootMeanSquare(lastLogits(model, text.subarray(500)), first)).toBeLessThan(1e-3);
    model.close();
  });

  test('prompts and steps of several sequences give tokens up each for itself', async () => {
    const [first, second] = [prompt(300, 1), prompt(300, 2)];
    const model = await open('keydiff:128', 2);
    model.prefill([first, second]);
    const steps = Array.from({ length: 150 }, (_, i) => Int32Array.of(10 + i, 20 + i));
    const ends = model.steps(steps);
    expect(ends).toHaveLength(150);
    expect(ends.every((end, i) => end > (ends[i - 1] ?? 0))).toBe(true);
    const both = model.logits(1);
    model.close();
    const alone = await open('keydiff:128');
    alone.prefill([second]);
    alone.steps(steps.map((step) => step.subarray(1)));
    expect(rootMeanSquare(alone.logits(0), both)).toBeLessThan(0.02);
    alone.close();
  });
});

test('a model that has a window is refused in a sentence', async () => {
  const outputPath = join(folder, 'window-64.gguf');
  await giveWindow({ inputPath: modelPath('tiny'), outputPath, tokens: 64, fullEvery: 0 });
  await expect(open('streaming:128', 1, outputPath)).rejects.toThrow(
    'This model has a sliding window, which gives tokens up by itself.',
  );
});
