import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, test } from 'vitest';
import { pettitt } from '../../../statistics/change-point.js';
import { mser } from '../../../statistics/mser.js';
import { wilsonInterval } from '../../../statistics/proportion.js';
import { quantile } from '../../../statistics/quantile.js';
import { averageRanks } from '../../../statistics/ranks.js';
import { selectQuantiles } from '../../../statistics/select.js';
import { fittedChange, mannKendallHamedRao } from '../../../statistics/trend.js';

const RISING = [1, 1.1, 1.3, 1.2, 1.5, 1.45, 1.7, 1.9, 1.8, 2.1, 2, 2.3];

/** Series whose neighbours are alike: each keeps 0.7 of the one before. */
function autocorrelated(seed: number, length: number): number[] {
  const random = xoroshiro128plus(seed);
  let value = 0;
  return Array.from({ length: length + 50 }, () => {
    const noise = Array.from({ length: 12 }, () => uniformFloat64(random)).reduce((a, b) => a + b, -6);
    value = 0.7 * value + noise;
    return value;
  }).slice(50);
}

describe('trends of values that resemble their neighbours', () => {
  test('fewer than four values tell nothing, four that rise are no certainty', () => {
    expect(mannKendallHamedRao([1, 2, 3])).toBeNull();
    const four = mannKendallHamedRao([1, 2, 3, 4])!;
    expect(four).toMatchObject({ s: 6, stretch: 1 });
    expect(four.p).toBeCloseTo(0.08942935902899363, 12);
  });

  test('ranked as they are, as steady_state_diagnostics.py of mlcommons/endpoints does', () => {
    const found = mannKendallHamedRao(RISING)!;
    expect(found.s).toBe(58);
    expect(found.stretch * ((12 * 11 * 29) / 18)).toBeCloseTo(420.6858974358974, 9);
    expect(found.p).toBeCloseTo(0.005451864998355704, 12);
  });

  test('values that do not change have no trend', () => {
    expect(mannKendallHamedRao([2, 2, 2, 2, 2])).toEqual({ s: 0, stretch: 1, p: 1 });
  });

  test('without a trend, autocorrelation makes one of it far more seldom than by the plain variance', () => {
    const runs = Array.from({ length: 300 }, (_, seed) => mannKendallHamedRao(autocorrelated(seed + 1, 40))!);
    const corrected = runs.filter(({ p }) => p < 0.05).length;
    const plain = runs.filter(({ s }) => Math.abs(s) - 1 > 1.96 * Math.sqrt((40 * 39 * 85) / 18)).length;
    expect(plain).toBeGreaterThan(60);
    expect(corrected).toBeLessThan(plain / 2);
  });

  test('a straight line is found whole', () => {
    expect(fittedChange([3, 5, 7, 9])).toBeCloseTo(6, 12);
    expect(fittedChange([3])).toBe(0);
  });
});

describe('one change of level', () => {
  test('Pettitt finds where it lies', () => {
    const found = pettitt([1, 1.2, 1.1, 0.9, 1, 2, 2.1, 1.9, 2.2, 2])!;
    expect(found).toMatchObject({ before: 5, k: 25 });
    expect(found.p).toBeCloseTo(0.06614250297660204, 12);
    const longer = pettitt([
      ...Array.from({ length: 12 }, (_, i) => i % 3),
      ...Array.from({ length: 12 }, (_, i) => 9 + (i % 4)),
    ])!;
    expect(longer.before).toBe(12);
    expect(longer.p).toBeLessThan(0.001);
  });

  test('and none where there is none', () => {
    expect(pettitt([1, 1, 1])).toBeNull();
    expect(pettitt([4, 4, 4, 4, 4, 4])).toEqual({ before: 0, k: 0, p: 1 });
  });
});

describe('MSER', () => {
  test('leaves out the start that is unlike the rest, and nothing else', () => {
    expect(mser([9, 8, 5, 1, 1.1, 0.9, 1, 1.05, 0.95, 1])).toBe(3);
    expect(mser([1, 1, 1, 1])).toBe(0);
    expect(mser([])).toBe(0);
  });

  test('never leaves out more than half', () => {
    expect(mser([1, 2, 3, 4, 5, 6, 7, 7])).toBeLessThanOrEqual(4);
  });
});

test('the interval of a share is that of Wilson, by the table of Newcombe (Statistics in Medicine 17, 1998)', () => {
  const rounded = (successes: number, trials: number) =>
    wilsonInterval(successes, trials).map((end) => Number(end.toFixed(4)));
  expect(rounded(81, 263)).toEqual([0.2553, 0.3662]);
  expect(rounded(15, 148)).toEqual([0.0624, 0.1605]);
  expect(rounded(0, 20)).toEqual([0, 0.1611]);
  expect(rounded(1, 29)).toEqual([0.0061, 0.1718]);
  expect(wilsonInterval(20, 20)[1]).toBe(1);
  expect(wilsonInterval(0, 0)).toEqual([0, 1]);
});

test('equal values share the mean of their ranks', () => {
  expect(averageRanks([5, 1, 5, 3])).toEqual([3.5, 1, 3.5, 2]);
  expect(averageRanks([])).toEqual([]);
});

test('quantiles by selection are those by sorting, ties included', () => {
  const random = xoroshiro128plus(5);
  for (const length of [1, 2, 3, 7, 100, 1001]) {
    for (const steps of [3, 1e9]) {
      const values = Array.from({ length }, () => Math.floor(uniformFloat64(random) * steps));
      const shares = [0, 0.5, 0.9, 0.99, 1];
      expect(selectQuantiles(Float64Array.from(values), shares)).toEqual(
        shares.map((p) => quantile(values, p)),
      );
    }
  }
  expect(selectQuantiles(new Float64Array(0), [0.5])).toEqual([Number.NaN]);
});
