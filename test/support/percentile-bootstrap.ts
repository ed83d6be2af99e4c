import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Interval } from '../../statistics/interval.js';
import { quantileOfSorted, sorted } from '../../statistics/quantile.js';

const RESAMPLES = 2000;

/**
 * The 95 % interval of the percentile bootstrap (Efron, Annals of Statistics 7(1), 1979), the same on every
 * machine.
 * @returns null for fewer than two values.
 */
export function percentileBootstrap(
  values: readonly number[],
  statistic: (values: readonly number[]) => number,
): Interval | null {
  if (values.length < 2) return null;
  const random = xoroshiro128plus(42);
  const draws = Array.from({ length: RESAMPLES }, () =>
    statistic(values.map(() => values[uniformInt(random, 0, values.length - 1)]!)),
  );
  const ordered = sorted(draws);
  return [quantileOfSorted(ordered, 0.025), quantileOfSorted(ordered, 0.975)];
}
