import { quantileOfSorted, sorted } from './quantile.js';

/** Location and spread of a sample. Spread is null where one value says nothing about it. */
export interface Summary {
  readonly n: number;
  readonly mean: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Sample standard deviation, n − 1 in the denominator; null for n = 1. */
  readonly stddev: number | null;
  /** stddev / |mean|; null for n = 1 or a mean of 0. */
  readonly cv: number | null;
}

/**
 * Mean and sum of squared deviations by Welford's recurrence (Technometrics 4(3), 1962): it avoids
 * cancellation, and equal values give exactly their value as mean and exactly 0 as deviation.
 */
export function moments(values: readonly number[]): { mean: number; squares: number } {
  let mean = 0;
  let squares = 0;
  values.forEach((value, i) => {
    const delta = value - mean;
    mean += delta / (i + 1);
    squares += delta * (value - mean);
  });
  return { mean: values.length === 0 ? Number.NaN : mean, squares };
}

/** @returns the arithmetic mean, or NaN for an empty list. */
export function mean(values: readonly number[]): number {
  return moments(values).mean;
}

/** @returns the sample standard deviation (n − 1), or null for fewer than two values. */
export function stddev(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  return Math.sqrt(moments(values).squares / (values.length - 1));
}

/** @returns the coefficient of variation stddev / |mean|, or null where it is undefined. */
export function cv(values: readonly number[]): number | null {
  const spread = stddev(values);
  const centre = mean(values);
  return spread === null || centre === 0 ? null : spread / Math.abs(centre);
}

/** @returns the summary, or null for an empty list. */
export function summarize(values: readonly number[]): Summary | null {
  if (values.length === 0) return null;
  const ordered = sorted(values);
  return {
    n: values.length,
    mean: mean(values),
    median: quantileOfSorted(ordered, 0.5),
    min: ordered[0]!,
    max: ordered.at(-1)!,
    stddev: stddev(values),
    cv: cv(values),
  };
}
