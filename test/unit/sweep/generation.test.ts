import { describe, expect, test } from 'vitest';
import { parseSweep } from '../../../core/sweep/parse.js';
import { rulesOf } from '../../../core/sweep/verdict.js';
import { draftingOf, generationOptions } from '../../../core/work/generation.js';

const DEFAULTS = {
  ...generationOptions.parse({}),
  batch: 2048,
  ubatch: 512,
  device: 'cpu',
  model: 'm',
};

const reasons = (changes: Readonly<Record<string, string | number | boolean | null>>) =>
  rulesOf('llama-cpp', 'generation').flatMap((rule) => {
    const values = { ...DEFAULTS, ...changes };
    if (!rule.axes.every((axis) => axis in values)) return [];
    return rule.reason(values, null) ?? [];
  });

describe('generation', () => {
  test('runs with drafts and without', () => {
    expect(reasons({})).toEqual([]);
    expect(reasons({ speculative: 'off' })).toEqual([]);
    expect(reasons({ speculative: 'draft', draftModel: 'd', draftTokens: 8, draftProbability: 0.5 })).toEqual(
      [],
    );
    expect(reasons({ speculative: 'ngram', ngramTokens: 2 })).toEqual([]);
  });

  test.each([
    ['a draft without its model', { speculative: 'draft' }, /needs a model that drafts/],
    ['a model that drafts nothing', { speculative: 'ngram', draftModel: 'd' }, /leave draftModel out/],
    ['draft tokens without drafts', { draftTokens: 4 }, /draftTokens needs speculative decoding/],
    ['a probability without a model', { speculative: 'ngram', draftProbability: 0.5 }, /draftProbability is/],
    ['n-grams where none are looked up', { ngramTokens: 2 }, /ngramTokens is of n-grams/],
    ['heads', { speculative: 'eagle3' }, /servers alone/],
    [
      'a draft longer than the answer',
      { speculative: 'ngram', draftTokens: 8, generateTokens: 9 },
      /no room/,
    ],
    ['no prompt', { promptTokens: 0 }, /an answer needs a prompt/],
    ['a prompt that all share', { promptTokens: 64, sharedTokens: 64 }, /end differently/],
    [
      'more drafted tokens than a batch holds',
      { speculative: 'ngram', draftTokens: 63, parallel: 33, batch: 2048 },
      /more than batch allows/,
    ],
  ])('refuses %s in one sentence', (_, changes, sentence) => {
    const said = reasons(changes);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(sentence);
  });

  test('a workload that samples nothing has no drafts, and the sweep says so', () => {
    const read = parseSweep(
      'apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: { name: a }\nspec:\n  models: builtin:small\n  workloads: { kind: latency, speculative: ngram }\n',
    );
    expect(JSON.stringify(read)).toMatch(/speculative/);
  });

  test('drafts by what the options say, with their defaults', () => {
    expect(draftingOf(generationOptions.parse({}))).toBeNull();
    expect(draftingOf(generationOptions.parse({ speculative: 'draft' }))).toEqual({
      by: 'model',
      tokens: 4,
      probability: 0,
    });
    expect(draftingOf(generationOptions.parse({ speculative: 'ngram', draftTokens: 9 }))).toEqual({
      by: 'ngram',
      tokens: 9,
      ngram: 3,
    });
  });
});
