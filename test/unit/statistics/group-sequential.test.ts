import { expect, test } from 'vitest';
import { pocockBound } from '../../../statistics/group-sequential.js';

/** Jennison & Turnbull, "Group Sequential Methods", 2000, table 2.1. */
test.each([
  [0.01, 1, 2.576],
  [0.01, 2, 2.772],
  [0.01, 4, 2.939],
  [0.05, 4, 2.361],
  [0.05, 5, 2.413],
  [0.1, 4, 2.067],
])('at %d and %d looks the bound is the published one', (alpha, looks, bound) => {
  expect(pocockBound(alpha, looks)).toBeCloseTo(bound, 2);
});
