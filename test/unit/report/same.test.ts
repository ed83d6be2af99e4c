import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sameJson } from '../../../core/same.js';
import { forAll } from '../../support/for-all.js';

test('a value is the same as its copy, and as itself with its keys in another order', () => {
  forAll(100, [fc.jsonValue()], (value) => {
    expect(sameJson(value, JSON.parse(JSON.stringify(value)))).toBe(true);
    const record = value as Record<string, unknown> | null;
    if (typeof record !== 'object' || record === null || Array.isArray(record)) return;
    expect(sameJson(record, Object.fromEntries(Object.entries(record).reverse()))).toBe(true);
  });
});

test.each([
  [null, {}],
  [{}, []],
  [[], [null]],
  [{ a: null }, {}],
  [{}, { a: 1 }],
  [
    { a: 1, b: 2 },
    { a: 1, c: 2 },
  ],
  [{ constructor: {} }, {}],
  [{ a: [1, 2] }, { a: [2, 1] }],
  ['1', 1],
])('%j is not %j', (a, b) => {
  expect(sameJson(a, b)).toBe(false);
  expect(sameJson(b, a)).toBe(false);
});
