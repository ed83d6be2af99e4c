import { expect, test } from 'vitest';
import { kolmogorovSmirnov, mannWhitney, RULES } from '../../bench/azure/rules.js';

/** SciPy 1.17.1: mannwhitneyu(a, b, method='exact') and ks_2samp(a, b). */
test.each([
  [[1, 2, 3, 4], [5, 6, 7, 8], 2 / 70, 2 / 70],
  [[1, 3, 5, 7], [2, 4, 6, 8], 48 / 70, 1],
  [[1, 2, 3, 4, 9], [5, 6, 7, 8, 10], 24 / 252, 20 / 252],
])('%j beside %j: p of the U test and of the test of Kolmogorov and Smirnov', (a, b, u, ks) => {
  expect(mannWhitney(a, b)).toBeCloseTo(u, 9);
  expect(kolmogorovSmirnov(a, b)).toBeCloseTo(ks, 9);
});

test('of equal values the U test counts every choice of ranks', () => {
  // Of C(4, 2) = 6 choices of the ranks 1, 2.5, 2.5, 4 two have a sum as far from 5 as 3.5, and two one as
  // far on the other side.
  expect(mannWhitney([1, 2], [2, 3])).toBeCloseTo(4 / 6, 9);
});

test('what no rule calls different, and what all do', () => {
  const near = { a: [100, 101, 99, 100, 102], b: [101, 100, 99, 101, 100] };
  const far = { a: [100, 101, 99, 100, 102], b: [80, 81, 79, 80, 82] };
  for (const rule of RULES) expect([rule.finds(near, 0.05), rule.finds(far, 0.05)]).toEqual([false, true]);
});
