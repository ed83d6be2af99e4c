import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeSynthetic } from '../../../artifacts/files/synthetic/model.js';
import { readSynthetic } from '../../../core/models/synthetic.js';
import { llamaCpp } from '../../../core/runners/llama-cpp.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { predictKvCache } from '../../../core/work/kv-cache.js';
import { PASS_DEFAULTS } from '../../../core/work/llama-cpp-options.js';
import { modelFacts } from '../../../formats/gguf/facts.js';
import { sound } from '../../support/reading.js';
import { ROOT } from '../../support/ridge.js';

const factsOf = (source: string) => {
  const reading = sound(readSynthetic(source));
  return modelFacts(describeSynthetic(reading.model).header);
};

test('the models of efficientllm-attention.yaml have one budget of parameters, and caches of their own', () => {
  const parsed = parseSweep(
    readFileSync(join(ROOT, 'docs/examples/papers/efficientllm-attention.yaml'), 'utf8'),
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  const facts = new Map(parsed.sweep.models.map(({ name, source }) => [name, factsOf(source)]));
  const parameters = [...facts.values()].map((one) => one.parameters);
  expect(parameters).toHaveLength(4);
  expect(Math.max(...parameters) / Math.min(...parameters)).toBeLessThan(1.01);
  const bytes = (name: string) =>
    predictKvCache(facts.get(name)!, 'base', PASS_DEFAULTS, { perSequence: 1024, sequences: 1 }) / 1024 / 4;
  // A token in a layer, in f16: K and V of each head, or one vector of 256 elements and 32 for positions.
  expect(['mha', 'gqa', 'mqa', 'mla'].map(bytes)).toEqual([
    2 * 8 * 64 * 2,
    2 * 2 * 64 * 2,
    2 * 64 * 2,
    288 * 2,
  ]);
});

describe('latent attention', () => {
  test('what is not given is in proportion to a head', () => {
    const reading = readSynthetic('synthetic:deepseek2?layers=2&embedding=2048&headLength=128');
    expect(reading).toMatchObject({
      ok: true,
      model: { shape: { heads: 16, latent: { kvRank: 512, queryRank: 1536, ropeLength: 64 } } },
    });
  });

  test.each([
    [
      'synthetic:llama?layers=2&embedding=256&kvRank=64',
      /gives kvRank to llama, whose attention is not latent/,
    ],
    ['synthetic:llama-3.2-1b?ropeLength=32', /gives ropeLength to llama/],
    ['synthetic:deepseek2?layers=2&embedding=256&kvHeads=2', /keeps one vector for all heads/],
    ['synthetic:deepseek2?layers=26&embedding=256', /has 26 layers, which llama.cpp reads as a lite variant/],
    ['synthetic:deepseek2?layers=2&embedding=256&ropeLength=33', /positions turn pairs/],
    [
      'synthetic:deepseek2?layers=2&embedding=256&kvRank=100&type=q8_0',
      /has kvRank 100, and q8_0 keeps blocks of 32/,
    ],
    ['synthetic:deepseek3?layers=2&embedding=256', /no shape that is known/],
  ])('%s is refused', (source, why) => {
    const reading = readSynthetic(source);
    expect(reading.ok ? '' : reading.reason).toMatch(why);
  });

  test('K and V of one vector have one type', () => {
    const facts = factsOf('synthetic:deepseek2?layers=2&embedding=256');
    const refused = (kvCacheTypeK: string, kvCacheTypeV: string) =>
      llamaCpp.rules
        .filter(({ axes }) => axes.every((axis) => ['model', 'kvCacheTypeK', 'kvCacheTypeV'].includes(axis)))
        .map((rule) => rule.reason({ model: 'm', kvCacheTypeK, kvCacheTypeV }, facts))
        .find((reason) => reason !== null) ?? null;
    expect(refused('q8_0', 'f16')).toMatch(/keeps one vector for both/);
    expect(refused('q8_0', 'q8_0')).toBeNull();
    // Heads of 128 + 16 elements, in blocks of 32: over two layers their sum is a multiple all the same.
    const odd = factsOf('synthetic:deepseek2?layers=2&embedding=256&headLength=32');
    const reasons = llamaCpp.rules.map((rule) => rule.reason({ model: 'm', kvCacheTypeK: 'q8_0' }, odd));
    expect(reasons.join()).toMatch(/no multiple of 32, so its cache cannot be quantized/);
  });
});
