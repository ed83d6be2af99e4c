import { studentQuantile } from './distributions.js';
import { mean, stddev } from './summary.js';

/** Lower and upper end of a confidence interval, in the unit of the values. */
export type Interval = readonly [low: number, high: number];

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
