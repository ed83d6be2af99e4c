import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { relativeHalfWidth, tInterval } from '../../../statistics/interval.js';
import { quantile } from '../../../statistics/quantile.js';
import { holm } from '../../../statistics/significance.js';
import { cv, mean, stddev, summarize } from '../../../statistics/summary.js';
import { mannKendall } from '../../../statistics/trend.js';
import { forAll } from '../../support/for-all.js';

const value = fc.double({ min: 1e-6, max: 1e9, noNaN: true });
const list = (minLength: number, maxLength = 30) => fc.array(value, { minLength, maxLength });

describe('summary and quantiles', () => {
  test('mean and quantiles stay between the extremes, and quantiles rise with p', () => {
    forAll(100, [list(1), fc.double({ min: 0, max: 1, noNaN: true })], (values, p) => {
      const { min, max, mean: centre } = summarize(values)!;
      expect(centre).toBeGreaterThanOrEqual(min * (1 - 1e-12));
      expect(centre).toBeLessThanOrEqual(max * (1 + 1e-12));
      const q = quantile(values, p);
      expect(q).toBeGreaterThanOrEqual(min);
      expect(q).toBeLessThanOrEqual(max);
      expect(quantile(values, Math.min(1, p + 0.1))).toBeGreaterThanOrEqual(q);
    });
  });

  test('equal values have exactly their value as mean and exactly no spread', () => {
    forAll(100, [value, fc.integer({ min: 2, max: 40 })], (v, n) => {
      const values = new Array<number>(n).fill(v);
      expect(mean(values)).toBe(v);
      expect(stddev(values)).toBe(0);
      expect(relativeHalfWidth(values)).toBe(0);
    });
  });

  test('what cannot be known is null, not 0', () => {
    expect(summarize([])).toBeNull();
    expect(stddev([3])).toBeNull();
    expect(cv([1, -1])).toBeNull();
    expect(tInterval([3])).toBeNull();
    expect(mannKendall([1, 2])).toBeNull();
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe('intervals', () => {
  test('the t interval is centred on the mean and scales with the values', () => {
    forAll(100, [list(2, 12), fc.double({ min: 0.01, max: 100, noNaN: true })], (values, factor) => {
      const [low, high] = tInterval(values)!;
      const centre = mean(values);
      expect((low + high) / 2).toBeCloseTo(centre, Math.max(0, 6 - Math.log10(centre + 1)));
      const scaled = relativeHalfWidth(values.map((v) => v * factor))!;
      expect(scaled).toBeCloseTo(relativeHalfWidth(values)!, 8);
      expect(relativeHalfWidth(values, 0.99)!).toBeGreaterThanOrEqual(relativeHalfWidth(values, 0.9)!);
    });
  });

  test('the 95 % t interval of five normal values holds the true mean about 95 % of the time', () => {
    let state = 12345;
    const uniform = () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return (state + 1) / 0x80000000;
    };
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    let held = 0;
    for (let i = 0; i < 4000; i++) {
      const [low, high] = tInterval(Array.from({ length: 5 }, () => 10 + normal()))!;
      if (low <= 10 && 10 <= high) held++;
    }
    expect(held / 4000).toBeGreaterThan(0.935);
    expect(held / 4000).toBeLessThan(0.965);
  });
});

describe('tests of difference and trend', () => {
  test('Holm never lowers a p value and keeps their order', () => {
    const p = fc.double({ min: 0, max: 1, noNaN: true });
    forAll(100, [fc.array(p, { minLength: 1, maxLength: 12 })], (pValues) => {
      const adjusted = holm(pValues);
      pValues.forEach((original, i) => {
        expect(adjusted[i]!).toBeGreaterThanOrEqual(original);
        expect(adjusted[i]!).toBeLessThanOrEqual(1);
        pValues.forEach((other, j) => {
          if (original < other) expect(adjusted[i]!).toBeLessThanOrEqual(adjusted[j]!);
        });
      });
    });
  });

  test('trend: five falling repeats are significant, four are not, ties count less', () => {
    expect(mannKendall([5, 4, 3, 2, 1])).toMatchObject({ s: -10, slopePerStep: -1 });
    expect(mannKendall([5, 4, 3, 2, 1])!.p).toBeCloseTo(2 / 120, 12);
    expect(mannKendall([5, 4, 3, 2, 1])!.relativeChange).toBeCloseTo(-4 / 3, 12);
    expect(mannKendall([4, 3, 2, 1])!.p).toBeGreaterThan(0.05);
    expect(mannKendall([1, 1, 1, 1, 1, 1])!.p).toBe(1);
    // n = 6, one pair tied: S = 14, variance (6·5·17 − 2·1·9)/18 = 27.33, z = 13/5.228.
    expect(mannKendall([1, 2, 2, 3, 4, 5])!.p).toBeCloseTo(0.0129, 3);
  });
});
