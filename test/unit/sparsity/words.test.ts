import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ModelFacts } from '../../../core/experiment/experiment.js';
import { llamaCpp } from '../../../core/runners/llama-cpp.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { fitsPattern } from '../../../core/techniques/layer-choice.js';
import { idleSettings, readSparsity, sparsity } from '../../../core/techniques/sparsity.js';
import { METHODS } from '../../../core/techniques/sparsity-settings.js';
import { sound } from '../../support/reading.js';

const canonical = (word: string) => {
  const reading = sparsity.read(word);
  return reading.ok ? reading.value : `${reading.message} [${reading.suggestion}]`;
};
const specOf = (word: string) => {
  const reading = readSparsity(word);
  if (!reading.ok || reading.value === null) throw new Error(word);
  return reading.value;
};

describe('a word of sparsity', () => {
  test.each([
    ['none', 'none'],
    ['wanda:50%', 'wanda:50%'],
    ['wanda:0.5', 'wanda:50%'],
    ['magnitude:.625', 'magnitude:62.5%'],
    ['magnitude-row:0%', 'magnitude-row:0%'],
    ['sparsegpt:1', 'sparsegpt:100%'],
    ['sparsegpt:2:4', 'sparsegpt:2:4'],
    ['dsnot:50%?mode=strict&initial=wanda', 'dsnot:50%'],
    ['dsnot:4:8?mode=reference&initial=magnitude', 'dsnot:4:8?initial=magnitude&mode=reference'],
    ['wanda:60%?tokens=256&sequences=16', 'wanda:60%?sequences=16&tokens=256'],
    [
      'wanda:50%?ratios=ffn_down:40%,attn_q:0.7&exclude=blk.0.*',
      'wanda:50%?exclude=blk.0.*&ratios=ffn_down:0.4,attn_q:0.7',
    ],
    [
      'magnitude:50%?outputError=true&sequences=8&order=dense',
      'magnitude:50%?order=dense&outputError=true&sequences=8',
    ],
    ['wanda:2:4?refine=swaps&maxSwaps=1000', 'wanda:2:4?refine=swaps'],
    ['magnitude:60%?refine=swaps&tokens=64', 'magnitude:60%?refine=swaps&tokens=64'],
    ['magnitude:50%?allocation=sensitivity&tokens=64', 'magnitude:50%?allocation=sensitivity&tokens=64'],
    ['magnitude:50%?outlierFactor=3&allocation=owl', 'magnitude:50%?allocation=owl&outlierFactor=3'],
  ])('%s is %s', (word, expected) => {
    expect(canonical(word)).toBe(expected);
    expect(canonical(expected)).toBe(expected);
  });

  test.each([
    ['wanda', /does not say how much.*\[wanda:50%\]/],
    ['wandas:60%', /must be none, or a method.*\[wanda:60%\]/],
    ['dense', /\[none\]/],
    ['wanda:50', /must be a share.*\[wanda:50%\]/],
    ['wanda:101%', /must be a share/],
    ['wanda:-0.5', /must be a share/],
    ['wanda:4:4', /N below M/],
    ['wanda:0:4', /N below M/],
    ['wanda:5:4', /N below M/],
    ['wanda:NaN', /must be a share/],
    ['wanda:50%?mode=strict', /no setting "mode"/],
    ['magnitude:50%?text=a.txt', /no setting "text"/],
    ['wanda:50%?refine=swap', /refine of .* must be/],
    ['wanda:50%?refine=swaps&maxSwaps=-1', /maxSwaps of .* must be a whole number/],
    ['dsnot:50%?maxCycles=-1', /maxCycles of .* must be a whole number/],
    ['dsnot:50%?threshold=inf', /threshold of .* must be a number/],
    ['sparsegpt:4:8?blockColumns=12', /would cut groups of 8/],
    ['wanda:2:4?ratios=attn_q:0.5', /the same in every layer/],
    ['wanda:2:4?allocation=sensitivity', /the same in every layer/],
    ['wanda:50%?allocation=sensitivity&ratios=attn_q:0.5', /leave one out/],
    ['wanda:50%?allocation=lsa&ratios=attn_q:0.5', /allocation=lsa both say .* leave one out/],
    ['wanda:4:8?allocation=owl', /the same in every layer/],
    ['wanda:50%?allocation=alphapruning', /allocation of .* must be uniform or sensitivity or owl or lsa/],
    ['magnitude:50%?allocation=uniform&tokens=64', /no setting "tokens"/],
    ['wanda:50%?ratios=attn_q:1.5', /patterns of layers and their ratios/],
    ['wanda:50%?layers=(a', /patterns of layers/],
  ])('%s is refused in a sentence', (word, why) => {
    expect(canonical(word)).toMatch(why);
  });

  test('says everything that the published code can be told', () => {
    const word =
      'dsnot:60%?initial=sparsegpt&mode=reference&maxCycles=10&threshold=0.01&regrowPower=2&sameSign=true&exchangeLayers=attn_*&dampening=0.05&seed=3&text=c4.txt';
    expect(specOf(word)).toMatchObject({
      pattern: { kind: 'unstructured', ratio: 0.6 },
      exchangeLayers: ['attn_*'],
      calibration: { text: 'c4.txt', sequences: 128, tokens: 2048, order: 'sequential', seed: 3 },
      method: {
        kind: 'dsnot',
        initial: 'sparsegpt',
        damping: 0.05,
        updates: false,
        settings: {
          mode: 'reference',
          maxCycles: 10,
          updateThreshold: 0.01,
          growVariancePower: 2,
          withoutSameSign: false,
        },
      },
    });
  });

  test('a setting that nothing reads is warned of', () => {
    expect(idleSettings('none')).toEqual([]);
    expect(idleSettings('wanda:50%?allocation=sensitivity&spread=0.2')).toEqual([]);
    expect(idleSettings('wanda:50%?allocation=owl&spread=0.2&outlierFactor=7')).toEqual([]);
    expect(idleSettings('wanda:50%?refine=swaps&maxSwaps=10')).toEqual([]);
    expect(idleSettings('dsnot:50%?initial=sparsegpt&updates=true')).toEqual([]);
    expect(idleSettings('dsnot:50%?updates=true')).toEqual([
      expect.stringMatching(/^updates changes nothing without initial=sparsegpt/),
    ]);
    expect(idleSettings('wanda:50%?maxSwaps=10')).toEqual([
      expect.stringMatching(/^maxSwaps changes nothing without refine=swaps/),
    ]);
    expect(idleSettings('wanda:50%?spread=0.2&outlierFactor=3&allocation=lsa')).toEqual([
      expect.stringMatching(/^outlierFactor changes nothing without allocation=owl/),
    ]);
    expect(idleSettings('wanda:50%?spread=0.2')).toEqual([
      expect.stringMatching(
        /^spread changes nothing without .*sensitivity or allocation=owl or allocation=lsa/,
      ),
    ]);
  });

  test('magnitude needs no calibration unless errors are asked for', () => {
    expect(specOf('magnitude:50%').calibration).toBeNull();
    expect(specOf('magnitude-row:50%?outputError=true').calibration).toMatchObject({ sequences: 128 });
    expect(specOf('wanda:50%').calibration).not.toBeNull();
  });

  test('reads what it wrote, whatever the share', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...METHODS),
        fc.integer({ min: 0, max: 100_000_000 }),
        (method, hundredMillionths) => {
          const word = canonical(`${method}:${hundredMillionths / 1e6}%`);
          expect(canonical(word)).toBe(word);
          const { pattern } = specOf(word);
          expect(pattern.kind === 'unstructured' && pattern.ratio).toBeCloseTo(hundredMillionths / 1e8, 12);
        },
      ),
    );
  });
});

test.each([
  ['blk.3.attn_q.weight', 'attn_*', true],
  ['blk.3.attn_q.weight', 'blk.3.*', true],
  ['blk.31.attn_q.weight', 'blk.3.*', false],
  ['blk.3.attn_q.weight', 'attn', false],
  ['blk.3.attn_q.weight', '*', true],
  ['blk.3.ffn_down.weight', '*down', true],
  ['blk.3.ffn_down.weight', 'ffn.down', false],
])('layers by pattern %s and %s: %s', (name, pattern, fits) => {
  expect(fitsPattern(name, pattern)).toBe(fits);
});

describe('sparsity in a sweep', () => {
  const sweep = (techniques: string) =>
    parseSweep(
      `apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: { name: t }\nspec:\n  models: [builtin:tiny]\n  techniques: ${techniques}\n`,
    );
  const words = (techniques: string) => {
    const parsed = sound(sweep(techniques));
    return parsed.sweep.techniques.find(({ name }) => name === 'sparsity')?.values;
  };

  test('lists of a map multiply', () => {
    expect(
      words('{ sparsity: [none, { method: [wanda, sparsegpt], ratio: [0.5, 60%, 2:4], tokens: 256 }] }'),
    ).toEqual([
      'none',
      'wanda:50%?tokens=256',
      'wanda:60%?tokens=256',
      'wanda:2:4?tokens=256',
      'sparsegpt:50%?tokens=256',
      'sparsegpt:60%?tokens=256',
      'sparsegpt:2:4?tokens=256',
    ]);
  });

  test('every setting can be a key of the map', () => {
    const values = words(
      '{ sparsity: { method: dsnot, ratio: 0.5, initial: [wanda, magnitude], mode: reference, ratios: "ffn_*:40%", sameSign: true, threshold: 0.01 } }',
    );
    expect(values).toEqual([
      'dsnot:50%?mode=reference&ratios=ffn_*:0.4&sameSign=true&threshold=0.01',
      'dsnot:50%?initial=magnitude&mode=reference&ratios=ffn_*:0.4&sameSign=true&threshold=0.01',
    ]);
  });

  const facts = { quantization: 'f16', embeddingLength: 576 } as ModelFacts;
  const reasons = (word: string, changes: Partial<ModelFacts>) =>
    llamaCpp.rules
      .filter(({ axes }) => axes.includes('sparsity'))
      .flatMap((rule) => rule.reason({ model: 'm', sparsity: word }, { ...facts, ...changes }) ?? []);

  test('float weights are pruned, and groups have to divide their width', () => {
    expect(reasons('wanda:50%', {})).toEqual([]);
    expect(reasons('wanda:50%', { quantization: 'q8_0' })).toEqual([
      expect.stringContaining('give its f16 file'),
    ]);
    expect(reasons('none', { quantization: 'q8_0' })).toEqual([]);
    expect(reasons('wanda:2:4', {})).toEqual([]);
    expect(reasons('wanda:3:7', {})).toEqual([expect.stringContaining('groups of 7 do not divide')]);
    expect(reasons('wanda:3:7?layers=ffn_down', {})).toEqual([]);
  });
});
