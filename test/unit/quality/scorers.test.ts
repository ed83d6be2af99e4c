import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chrF } from '../../../core/quality/scorers/chrf.js';
import { SCORERS, score } from '../../../core/quality/scorers/index.js';
import { lastNumber } from '../../../core/quality/scorers/numeric.js';
import { patternProblem } from '../../../core/quality/scorers/pattern.js';
import { rougeL, squadNormal, tokenF1 } from '../../../core/quality/scorers/words.js';
import { forAll } from '../../support/for-all.js';

interface Pair {
  readonly answer: string;
  readonly reference: string;
  readonly tokenF1: number;
  /** null where the package drops letters that are not ASCII. */
  readonly rougeL: number | null;
  readonly chrF: number;
}
const pairs = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/text-scores.json'), 'utf8'),
) as Pair[];

describe('scorers equal the packages that define them', () => {
  test.each(pairs)('$answer | $reference', (pair) => {
    expect(tokenF1(pair.answer, pair.reference)).toBeCloseTo(pair.tokenF1, 10);
    expect(chrF(pair.answer, pair.reference)).toBeCloseTo(pair.chrF, 10);
    if (pair.rougeL !== null) expect(rougeL(pair.answer, pair.reference)).toBeCloseTo(pair.rougeL, 10);
  });

  test('ROUGE-L of the paper: order counts (Lin 2004, section 3.1)', () => {
    expect(rougeL('police kill the gunman', 'police killed the gunman')).toBeCloseTo(0.75, 12);
    expect(rougeL('the gunman kill police', 'police killed the gunman')).toBeCloseTo(0.5, 12);
  });
});

describe('scoring an answer', () => {
  const one = (scorer: (typeof SCORERS)[number], answer: string, ...references: string[]) =>
    score(scorer, answer, references, { tolerance: 0.01 });

  test('exact and contains ignore case, punctuation and articles', () => {
    expect(squadNormal('  The  Eiffel-Tower, an icon! ')).toBe('eiffeltower icon');
    expect(one('exact', 'the Seine.', 'Seine')).toBe(1);
    expect(one('exact', 'the Seine river', 'Seine')).toBe(0);
    expect(one('contains', 'the Seine river', 'Loire', 'SEINE')).toBe(1);
    // Signs have no normal form; they must not match everything.
    expect(one('contains', 'twelve', '+')).toBe(0);
    expect(one('exact', 'The', 'a')).toBe(0);
  });

  test('numbers are the last ones, with separators, signs and tolerance', () => {
    expect(lastNumber('first 12, then 1,234.5 in all.')).toBe(1234.5);
    expect(lastNumber('it fell to −3.5e2')).toBe(-350);
    expect(lastNumber('none')).toBeNull();
    expect(one('numeric', 'so the answer is 41.995', '42')).toBe(1);
    expect(one('numeric', 'so the answer is 41.9', '42')).toBe(0);
    expect(one('numeric', 'no idea', '0')).toBe(0);
  });

  test('an empty answer is wrong, unless nothing is what was asked for', () => {
    for (const scorer of SCORERS.filter((name) => name !== 'regex'))
      expect(one(scorer, '', '42'), scorer).toBe(0);
    expect(one('exact', ' ', '')).toBe(1);
    expect(one('exact', 'something', '')).toBe(0);
    expect(one('contains', 'something', '')).toBe(0);
    expect(one('regex', '', '^$')).toBe(1);
    expect(score('exact', 'x', [], { tolerance: 0 })).toBe(0);
  });

  test('the same letters are the same to our own scorers, however Unicode spells them', () => {
    const [composed, decomposed] = ['Café Zürich', 'Café Zürich'.normalize('NFD')];
    expect(composed).not.toBe(decomposed);
    for (const scorer of ['exact', 'contains', 'set', 'json'] as const)
      expect(one(scorer, JSON.stringify(decomposed), JSON.stringify(composed)), scorer).toBe(1);
    // Compatibility forms are other characters: a full-width A may be what was asked about.
    expect(one('exact', 'Ａ', 'A')).toBe(0);
    expect(one('numeric', 'es sind ٤', '4')).toBe(0);
  });

  /**
   * Of sacrebleu 2.5.1 and rouge-score 0.1.2, an answer in decomposed letters against a reference in composed
   * ones.
   */
  test.each([
    ['Café Zürich', 'Café Zürich', { chrf: 0.298927422700723, 'chrf++': 0.224195567025542, bleu: 0 }],
    [
      'Der Fuchs läuft über die Brücke',
      'Der Fuchs lief über eine Brücke',
      { chrf: 0.4008343890334304, 'chrf++': 0.3674181198640168, bleu: 0.1623339577375495 },
    ],
  ] as const)('texts are scored as they are: %s', (answer, reference, scores) => {
    for (const [scorer, value] of Object.entries(scores))
      expect(one(scorer as 'chrf', answer.normalize('NFD'), reference), scorer).toBeCloseTo(value, 6);
  });

  test('the best of several references counts, for shares too', () => {
    expect(one('token-f1', 'red green', 'blue', 'green red', 'red')).toBeCloseTo(1, 12);
    expect(one('chrf', 'red green', 'blue', 'red')).toBeCloseTo(one('chrf', 'red green', 'red'), 12);
    expect(one('numeric', '7', '1', '7.001')).toBe(1);
  });

  test('patterns are searched, and those that could take for ever are refused', () => {
    expect(one('regex', 'The answer is (B).', '\\b(?:B|b)\\b')).toBe(1);
    expect(one('regex', 'The answer is C.', '\\bB\\b')).toBe(0);
    for (const bad of [
      '(a+)+$',
      '(a|a)*b',
      '(?:x{1,9})*',
      '(a)\\1',
      '((ab)*c)+',
      'a*b*c*d*e*',
      '(',
      'x'.repeat(501),
      `^${'(a?)'.repeat(24)}${'a'.repeat(24)}$`,
      '^(?:a?){26}a{26}$',
      'a??'.repeat(13),
      '(?:a|a)'.repeat(13),
      'a{0,9}'.repeat(5),
      '((a?b){3})',
      '\\\\\\1(a)\\1',
    ]) {
      expect(patternProblem(bad), bad).not.toBeNull();
    }
    for (const good of [
      '^\\s*-?\\d+\\s*$',
      '(yes|no)',
      '[(+*)]{2}',
      '\\(a+\\)+',
      '(?:answer|result): (\\w+)',
      '-?\\d+(?:[.,]\\d+)?(?:e[+-]?\\d+)?',
      '(?:the )?(?:final )?answer(?: is)?:? ?\\(?([A-D])\\)?\\.?',
      '\\d{1,3}(?:,\\d{3})*',
      '(?<=is )(?<word>\\p{L}{4})(?=[.?!])',
      'yes|no|maybe|unknown|it depends',
      '\\\\1 and [+*?]',
    ]) {
      expect(patternProblem(good), good).toBeNull();
    }
  });

  test('every scorer gives 0 to 1, and 1 to an answer that is its reference', () => {
    forAll(100, [fc.constantFrom(...SCORERS), fc.string(), fc.string()], (scorer, answer, reference) => {
      if (scorer === 'regex') return;
      const value = one(scorer, answer, reference);
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(1 + 1e-12);
      const word = `w${answer.replace(/[^a-z]/g, '')} 7`;
      const right = scorer.startsWith('json') ? JSON.stringify({ word }) : word;
      expect(one(scorer, right, right)).toBeCloseTo(1, 12);
    });
  });
});
