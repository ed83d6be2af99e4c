import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bm25, wordsOf } from '../../../core/ranking/bm25.js';
import { readRunLine, runLines } from '../../../core/ranking/data.js';
import { topOf } from '../../../core/ranking/top.js';
import { normalize, Vectors } from '../../../core/ranking/vectors.js';
import { forAll } from '../../support/for-all.js';

test('a run that is written is read as the same', () => {
  const list = [
    { id: 'a b', score: 0.1 },
    { id: 'c', score: -2 },
  ];
  const lines = runLines('q 1', list, '2/x').trimEnd().split('\n').map(readRunLine);
  expect(lines).toEqual([
    { query: 'q_1', document: 'a_b', value: 0.1 },
    { query: 'q_1', document: 'c', value: -2 },
  ]);
  expect(readRunLine('q Q0 c')).toMatch(/six fields/);
});

describe('BM25', () => {
  const documents = [
    { id: 'cats', text: 'Cats chase cats' },
    { id: 'cat', text: 'A cat sat on the mat' },
    { id: 'dog', text: 'The dog sat' },
  ];
  test('compares whole words', () => {
    expect(wordsOf("L'été, 3 Fälle — naïve")).toEqual(['l', 'été', '3', 'fälle', 'naïve']);
    expect(new Bm25(documents, { k1: 0.9, b: 0.4 }).search('cat', 10).map(({ id }) => id)).toEqual(['cat']);
  });

  test('scores are those of the formula', () => {
    const [found] = new Bm25(documents, { k1: 1.5, b: 0.75 }).search('cats', 1);
    const idf = Math.log(1 + (3 - 1 + 0.5) / 1.5);
    expect(found!.score).toBeCloseTo((idf * 2) / (2 + 1.5 * (0.25 + (0.75 * 3) / 4)), 12);
  });
});

test('the largest of many are those that sorting gives', () => {
  forAll(100, [fc.array(fc.integer({ min: -20, max: 20 })), fc.nat(12)], (scores, top) => {
    const all = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
    expect(topOf(scores.keys(), scores, top)).toEqual(all.slice(0, top));
  });
});

test('exact search gives the nearest, whatever the width', () => {
  const rows = [
    normalize(Float32Array.of(1, 0, 0, 0, 1)),
    normalize(Float32Array.of(0, 1, 0, 0, 0)),
    Float32Array.of(0, 0, 0, 0, 0),
  ];
  const values = Float32Array.from(rows.flatMap((row) => [...row]));
  const found = new Vectors(['a', 'b', 'zero'], values, 5).search(Float32Array.of(0, 0, 0, 0, 2), 2);
  expect(found.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(found[0]!.score).toBeCloseTo(Math.SQRT2, 6);
});
