import { describe, expect, test } from 'vitest';
import type { ModelFacts } from '../../../core/experiment/experiment.js';
import { confidentExit, type ExitReadings, fixedExits } from '../../../core/quality/early-exit.js';
import { chainOf } from '../../../core/techniques/chain.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { exits, exitWithAdapter, layers } from '../../../core/techniques/layers.js';
import { SMALL_FACTS } from '../../support/experiments.js';

const FACTS: ModelFacts = {
  ...SMALL_FACTS,
  parameters: 1000,
  bytes: 2000,
  vocabularySize: 10,
  embeddingLength: 10,
  keyElementsPerToken: 80,
  valueElementsPerToken: 80,
};

describe('a word of layers', () => {
  test.each([
    ['all', 'all'],
    ['first:4', 'first:4'],
  ])('%s is %s', (word, canonical) => expect(layers.read(word)).toEqual({ ok: true, value: canonical }));

  test.each([
    ['base', 'all'],
    ['first:0', 'first:0'],
    ['exit:6', 'first:6'],
  ])('%s is refused', (word, suggestion) =>
    expect(layers.read(word)).toMatchObject({
      ok: false,
      suggestion,
      message: expect.stringMatching(/all, or first/),
    }),
  );

  test('beyond the layers of the model, or beside an adapter, is impossible', () => {
    const at = (word: string) => exits.reason({ model: 'm', layers: word, adapter: 'none' }, FACTS);
    expect(at('first:8')).toBeNull();
    expect(at('first:9')).toBe('model m has 8 layers, and layers first:9 wants 9: choose at most first:8');
    expect(exitWithAdapter.reason({ layers: 'first:4', adapter: 'a.gguf' }, FACTS)).toMatch(
      /use one of the two/,
    );
  });

  test('is the first step of a chain, and its file is as much smaller as its layers are fewer', () => {
    const chain = chainOf({ ...UNCHANGED, layers: 'first:4', quantization: 'q8_0' }, FACTS, ['gguf']);
    expect(chain.map(({ recipe }) => recipe)).toEqual(['first-layers(4)', 'quantize(q8_0)']);
    // 200 of 1000 parameters are tables of the vocabulary; half of the others stay.
    expect(chain[0]?.bytes).toBe(1200);
    expect(chainOf({ ...UNCHANGED, layers: 'first:8' }, FACTS, ['gguf'])).toEqual([]);
  });
});

describe('early exit', () => {
  const reading = (layers: number, gap: number[], likeliest: number[], loss: number[]): ExitReadings => ({
    layers,
    stepSeconds: layers,
    gap: Float32Array.from(gap),
    likeliest: Int32Array.from(likeliest),
    loss: Float32Array.from(loss),
  });
  const readings = [
    reading(2, [0.9, 0.1, 0.5, 0.2], [1, 2, 3, 4], [1, 2, 3, 4]),
    reading(4, [0.9, 0.6, 0.5, 0.2], [1, 9, 9, 4], [1, 1, 1, 1]),
    reading(8, [0.9, 0.9, 0.9, 0.3], [1, 9, 9, 5], [0.5, 0.5, 0.5, 0.5]),
  ];

  test('at a fixed layer', () => {
    expect(fixedExits(readings)).toEqual([
      { layers: 2, stepSeconds: 2, perplexity: Math.exp(2.5), agreement: 0.25 },
      { layers: 4, stepSeconds: 4, perplexity: Math.exp(1), agreement: 0.75 },
      { layers: 8, stepSeconds: 8, perplexity: Math.exp(0.5), agreement: 1 },
    ]);
  });

  test('where a token is sure: the first leaves at 2, the third at 2, the second at 4, and the last never', () => {
    expect(confidentExit(readings, 0.5)).toEqual({
      threshold: 0.5,
      shares: [0.5, 0.25, 0.25],
      meanLayers: 4,
      agreement: 0.75,
      perplexity: Math.exp((1 + 1 + 3 + 0.5) / 4),
      speedupAtMost: 2,
    });
  });
});
