import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { studentQuantile } from './distributions.js';
import { quantileOfSorted, sorted } from './quantile.js';
import { mean, stddev } from './summary.js';

/** Lower and upper end of a confidence interval, in the unit of the values. */
export type Interval = readonly [low: number, high: number];

export type Statistic = (values: readonly number[]) => number;

export interface BootstrapOptions {
  readonly confidence?: number;
  readonly resamples?: number;
  /** The same seed gives the same interval, on every machine. */
  readonly seed?: number;
}

/**
 * Student's t interval of the mean: mean ± t(1 − α/2, n − 1) · s / √n. The default of every table: repeats of
 * one trial are few, and a bootstrap of three numbers knows only three numbers.
 * @returns null for fewer than two values.
 */
export function tInterval(values: readonly number[], confidence = 0.95): Interval | null {
  const spread = stddev(values);
  if (spread === null) return null;
  const critical = studentQuantile(0.5 + confidence / 2, values.length - 1);
  const half = (critical * spread) / Math.sqrt(values.length);
  const centre = mean(values);
  return [centre - half, centre + half];
}

/** Half width of the t interval as a share of |mean|; null for fewer than two values or a mean of 0. */
export function relativeHalfWidth(values: readonly number[], confidence = 0.95): number | null {
  const interval = tInterval(values, confidence);
  const centre = Math.abs(mean(values));
  return interval === null || centre === 0 ? null : (interval[1] - interval[0]) / 2 / centre;
}

/** The statistic of `resamples` draws with replacement, sorted. */
function bootstrapDistribution(values: readonly number[], statistic: Statistic, options: BootstrapOptions) {
  const random = xoroshiro128plus(options.seed ?? 42);
  const draws = Array.from({ length: options.resamples ?? 2000 }, () =>
    statistic(values.map(() => values[uniformInt(random, 0, values.length - 1)]!)),
  );
  return sorted(draws);
}

/**
 * Percentile bootstrap (Efron, Annals of Statistics 7(1), 1979).
 * @returns null for fewer than two values.
 */
export function percentileBootstrap(
  values: readonly number[],
  statistic: Statistic,
  options: BootstrapOptions = {},
): Interval | null {
  if (values.length < 2) return null;
  const draws = bootstrapDistribution(values, statistic, options);
  const alpha = 1 - (options.confidence ?? 0.95);
  return [quantileOfSorted(draws, alpha / 2), quantileOfSorted(draws, 1 - alpha / 2)];
}
