import { expect, test } from 'vitest';
import { normalCdf, normalQuantile, studentCdf, studentQuantile } from '../../../statistics/distributions.js';
import { averageRanks } from '../../../statistics/ranks.js';

test('a t quantile is asked for inside (0, 1), with degrees of freedom', () => {
  for (const [p, df] of [
    [0, 5],
    [1, 5],
    [-0.1, 5],
    [0.5, 0],
    [0.5, -1],
    [Number.NaN, 5],
    [0.9, Number.NaN],
  ] as const)
    expect(studentQuantile(p, df)).toBeNaN();
  expect(studentQuantile(0.5, 3)).toBe(0);
});

test('t quantiles of one degree of freedom are those of Cauchy’s distribution, far into the tails', () => {
  for (const p of [1e-12, 1e-6, 0.001, 0.2, 0.49, 0.75, 0.999])
    expect(studentQuantile(p, 1) * Math.tan(Math.PI * p)).toBeCloseTo(-1, 8);
});

test('t quantiles undo their distribution', () => {
  for (const df of [1, 2, 7.5, 30, 400])
    for (const p of [0.0005, 0.025, 0.3, 0.6, 0.95, 0.9999])
      expect(studentCdf(studentQuantile(p, df), df)).toBeCloseTo(p, 10);
});

test('the normal distribution ends where numbers do', () => {
  expect(normalCdf(38)).toBe(1);
  expect(normalCdf(-38)).toBe(0);
  expect(normalCdf(-37)).toBeGreaterThan(0);
  expect(normalCdf(Infinity)).toBe(1);
  expect(normalQuantile(0)).toBe(-Infinity);
  expect(normalQuantile(1)).toBe(Infinity);
  expect(normalQuantile(-0.5)).toBe(-Infinity);
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
});

test('equal values share the mean of their ranks', () => {
  expect(averageRanks([30, 10, 20, 20])).toEqual([4, 1, 2.5, 2.5]);
  expect(averageRanks([5, 5, 5])).toEqual([2, 2, 2]);
  expect(averageRanks([])).toEqual([]);
});
