import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { passAtK } from '../../../core/quality/reading/readings.js';
import { score } from '../../../core/quality/scorers/index.js';
import { DistinctGrams, LeakedGrams } from '../../../core/quality/text-overlap.js';
import { fleissKappa, icc, kappa } from '../../../statistics/agreement.js';
import { classification, rocAuc } from '../../../statistics/classification.js';
import { bootstrapOf } from '../../../statistics/interval.js';
import { forAll } from '../../support/for-all.js';
import { type Case, scoresOf } from '../../support/score-cases.js';

interface Golden {
  readonly case: Case;
  readonly theirs: object;
}
/**
 * Written by test/bench/scenarios/scorers.ts from sacreBLEU 2.6.0, rouge-score 0.1.2 and scikit-learn 1.9.1.
 */
const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/scorer-cases.json'), 'utf8'),
) as Golden[];

/** Numbers of a packages' answer, each within 1e-9 of ours. */
function expectClose(ours: unknown, theirs: unknown, path: string): void {
  if (typeof theirs === 'number') expect(ours, path).toBeCloseTo(theirs, 9);
  else if (theirs === null || typeof theirs !== 'object') expect(ours, path).toBe(theirs);
  else
    for (const [key, value] of Object.entries(theirs))
      expectClose((ours as Record<string, unknown>)[key], value, `${path}.${key}`);
}

test.each(golden.map((one, i) => [`${one.case.kind} ${i}`, one] as const))(
  'scores are those of the packages that define them: %s',
  (name, { case: own, theirs }) => expectClose(scoresOf(own), theirs, name),
);

describe('agreement', () => {
  test('QWK is over the whole scale, given or not (scikit-learn: 0.667 by labels seen, 0.094 with 1 to 10 on other pairs)', () => {
    const [a, b] = [
      [1, 2, 3, 4, 5, 3, 2],
      [1, 2, 4, 4, 5, 2, 4],
    ];
    const scale = [1, 2, 3, 4, 5];
    expect(kappa(a, b, { weights: 'quadratic', scale })).toBeCloseTo(
      kappa(a, b, { weights: 'quadratic', scale: [...scale, 6, 7, 8, 9, 10] })!,
      12,
    );
    // Steps without the grades that nobody gave are other steps.
    const [c, d] = [
      [1, 1, 10, 10],
      [1, 2, 10, 2],
    ];
    const seen = kappa(c, d, { weights: 'quadratic' });
    const whole = kappa(c, d, { weights: 'quadratic', scale: Array.from({ length: 10 }, (_, i) => i + 1) });
    expect(seen).not.toBeCloseTo(whole!, 3);
    expect(kappa([11], [1], { scale })).toBeNull();
  });

  test('Shrout & Fleiss 1979, table 4: six things, four raters', () => {
    const things = [
      [9, 2, 5, 8],
      [6, 1, 3, 2],
      [8, 4, 6, 8],
      [7, 1, 2, 6],
      [10, 5, 6, 9],
      [6, 2, 4, 7],
    ];
    expect(icc(things)!.toFixed(2)).toBe('0.29');
    expect(icc([[1, 1]])).toBeNull();
    const same = [0.3, 0.3];
    expect(icc([same, same])).toBeNull();
  });

  test('Fleiss’ kappa of fourteen raters, five categories: 0.210', () => {
    const counts = [
      '0 0 0 0 14',
      '0 2 6 4 2',
      '0 0 3 5 6',
      '0 3 9 2 0',
      '2 2 8 1 1',
      '7 7 0 0 0',
      '3 2 6 3 0',
    ];
    const rest = ['2 5 3 2 2', '6 5 2 1 0', '0 2 2 3 7'];
    const things = [...counts, ...rest].map((line) =>
      line.split(' ').flatMap((count, category) => Array(Number(count)).fill(category) as number[]),
    );
    expect(fleissKappa(things)).toBeCloseTo(0.21, 3);
    expect(fleissKappa([[1, 1]])).toBeNull();
  });

  test('two raters in turns agree as one with the other', () => {
    const grades = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })), {
      minLength: 2,
      maxLength: 30,
    });
    const scale = [1, 2, 3, 4, 5];
    forAll(100, [grades, fc.constantFrom('none', 'linear', 'quadratic')], (pairs, weights) => {
      const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
      const [one, other] = [kappa(a, b, { weights, scale }), kappa(b, a, { weights, scale })];
      if (one === null) expect(other).toBeNull();
      else expect(one).toBeCloseTo(other!, 12);
      expect(one ?? 0).toBeLessThanOrEqual(1 + 1e-12);
    });
  });
});

test('pass@k: ten answers, three right', () => {
  expect([1, 5, 10].map((k) => passAtK(10, 3, k)!.toFixed(3))).toEqual(['0.300', '0.917', '1.000']);
  expect(passAtK(1, 0, 10)).toBeNull();
});

test('classes that are said and never true count against the true one alone; ties of scores count half', () => {
  const { classes, macroF1, confusion } = classification(['a', 'b', 'b'], ['a', 'b', 'c']);
  expect(classes).toEqual(['a', 'b', 'c']);
  expect(confusion).toEqual([
    [1, 0, 0],
    [0, 1, 1],
    [0, 0, 0],
  ]);
  expect(macroF1).toBeCloseTo((1 + 2 / 3) / 2, 12);
  expect(rocAuc([1, 1], [true, false])).toBe(0.5);
  expect(rocAuc([1, 2], [true, true])).toBeNull();
});

describe('structured answers', () => {
  const one = (scorer: Parameters<typeof score>[0], answer: string, reference: string) =>
    score(scorer, answer, [reference], { tolerance: 0 });

  test('lists are sets, however they are written', () => {
    expect(one('set', '- Paris\n- "Rome"\n- Paris', '["rome", "paris"]')).toBe(1);
    expect(one('set', '1. paris\n2. oslo', 'Paris, Rome')).toBe(0);
    expect(one('set-f1', '1. paris\n2. oslo', 'Paris, Rome')).toBe(0.5);
    expect(one('set', '', '')).toBe(1);
  });

  test('JSON is compared by what it says: order, blanks and what is around it do not matter', () => {
    const reference = '{"columns": ["age", "sex"], "methods": ["t-test"], "n": 2}';
    const answer = 'Sure:\n```json\n{"n": 2, "methods": ["T-Test "], "columns": ["sex", "age"]}\n```';
    expect(one('json', answer, reference)).toBe(1);
    expect(one('json', answer.replace('2', '3'), reference)).toBe(0);
    expect(one('json-keys', answer.replace('2', '3'), reference)).toBeCloseTo(2 / 3, 12);
    for (const text of ['', 'none', '{', '[1', `${'['.repeat(5000)}${']'.repeat(5000)}`])
      expect(one('json', text, text), text.slice(0, 9)).toBe(0);
  });
});

test('distinct-n and leaked n-grams are shares of words in a row', () => {
  const pairs = new DistinctGrams(2);
  expect(pairs.share).toBeNull();
  for (const text of ['to be or not', 'to be or so']) pairs.add(text);
  expect(pairs.share).toBeCloseTo(4 / 6, 12);
  const leaked = new LeakedGrams(['The quick brown fox jumps over the lazy dog.'], 3);
  expect(leaked.shareOf('a quick brown fox jumps')).toBeCloseTo(2 / 3, 12);
  expect(leaked.shareOf('quick fox')).toBeNull();
});

test('a bootstrap of any statistic: that of the mean holds it, one without values has none', () => {
  const values = Array.from({ length: 40 }, (_, i) => i % 7);
  const mean = (drawn: Uint32Array) => drawn.reduce((sum, i) => sum + values[i]!, 0) / drawn.length;
  const [low, high] = bootstrapOf(values.length, mean)!;
  expect(low).toBeLessThan(2.9);
  expect(high).toBeGreaterThan(2.9);
  expect(bootstrapOf(5, () => null)).toBeNull();
  expect(bootstrapOf(1, () => 1)).toBeNull();
});
