import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { expect, test } from 'vitest';
import { percentileBound, readingsNeeded } from '../../../core/serving/percentile-bound.js';

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

test('so many readings bound a percentile, by the table of docs/early_stopping.md of mlcommons/endpoints', () => {
  const needed = {
    0.5: 11,
    0.75: 24,
    0.8: 31,
    0.9: 64,
    0.95: 130,
    0.97: 219,
    0.99: 662,
    0.999: 6636,
    0.9999: 66381,
  };
  for (const [p, n] of Object.entries(needed)) expect([p, readingsNeeded(Number(p))]).toEqual([p, n]);
});

test('with one reading fewer there is no bound, and a reason', () => {
  expect(percentileBound(upTo(661), 0.99)).toEqual({
    upper: null,
    reason: 'p99 has an upper bound at 99 % confidence from 662 requests on; there are 661',
  });
  expect(percentileBound([], 0.5).upper).toBeNull();
});

test('the first bound is the largest reading; of 10,000 readings it is the 77th largest', () => {
  expect(percentileBound(upTo(662), 0.99)).toEqual({ upper: 662, reason: null });
  expect(percentileBound(upTo(10_000), 0.99).upper).toBe(10_000 - 77 + 1);
});

test('it comes down on the percentile as readings grow', () => {
  expect(percentileBound(upTo(1_000_000), 0.99).upper! / 990_000).toBeCloseTo(1, 3);
  expect(percentileBound(upTo(1_000_000), 0.99).upper).toBeGreaterThan(990_000);
});

test('it lies below the percentile in one of a hundred runs at most', () => {
  const random = xoroshiro128plus(7);
  const runs = 2000;
  let below = 0;
  for (let run = 0; run < runs; run++) {
    const ordered = Float64Array.from({ length: 100 }, () => uniformFloat64(random)).sort();
    if (percentileBound(ordered, 0.9).upper! < 0.9) below += 1;
  }
  // 1 % of 2000 and three standard deviations.
  expect(below).toBeLessThanOrEqual(20 + 3 * Math.sqrt(20));
});
