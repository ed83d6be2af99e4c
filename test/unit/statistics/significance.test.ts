import { expect, test } from 'vitest';
import { unusable } from '../../../statistics/nested.js';
import { wilcoxonSignedRank } from '../../../statistics/significance.js';

test('the signed-rank test is exact, one-sided, and leaves out pairs that are alike', () => {
  expect(wilcoxonSignedRank([1, 2, 3, 4, 5])).toBe(1 / 32);
  expect(wilcoxonSignedRank([-1, -2, -3, -4, -5])).toBe(1);
  // The ranks of what is positive sum to 10 of 15, which 10 of the 32 combinations of signs reach.
  expect(wilcoxonSignedRank([3, -1, 2, 5, -4])).toBe(10 / 32);
  expect(wilcoxonSignedRank([0, 3, -1, 0, 2, 5, -4])).toBe(10 / 32);
  // Sizes count by their rank alone.
  expect(wilcoxonSignedRank([300, -1, 2, 5000, -400])).toBe(10 / 32);
  expect(wilcoxonSignedRank([0, 0])).toBeNull();
});

test('readings that have no logarithm are named', () => {
  expect(unusable([[[1, 2], []], [[3]]])).toBeNull();
  expect(unusable([[[]], []])).toBe('there are no readings');
  for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(unusable([[[1]], [[2], [3, wrong]]])).toBe(
      `a ratio needs positive, finite values, and one of them is ${wrong}`,
    );
});
