import { type MetricName, metricNamed, type Unit } from '../core/metrics/catalogue.js';
import type { Measurement, Missing } from '../core/result/result.js';
import { quantileOfSorted, sorted } from '../statistics/quantile.js';
import { summarize } from '../statistics/summary.js';

export type Entry = Measurement | Missing;

/** An entry without a number. */
export function missing(unit: Unit, reason: string): Missing {
  return { value: null, unit, reason };
}

/** @returns each of these metrics without a number, for one reason. */
export function allMissing(names: readonly MetricName[], reason: string): Partial<Record<MetricName, Entry>> {
  return Object.fromEntries(names.map((name) => [name, missing(metricNamed(name)!.unit as Unit, reason)]));
}

/**
 * One value per repeat: the median is quoted. No interval: repeats share a process, and how processes differ, which is more, one of
 * them does not tell (`combineStarts` has it).
 */
export function perRepeat(
  samples: readonly number[],
  unit: Unit,
  whyMissing: string,
  source: string | null = null,
): Entry {
  const summary = summarize(samples);
  if (summary === null) return missing(unit, whyMissing);
  const { n, mean, median, stddev, cv } = summary;
  return { value: median, unit, n, mean, median, stddev, cv, ci95: null, samples: [...samples], source };
}

/** A single reading: nothing is known of its spread. */
export function single(
  value: number | null,
  unit: Unit,
  whyMissing: string,
  source: string | null = null,
): Entry {
  if (value === null || !Number.isFinite(value)) return missing(unit, whyMissing);
  const alone = { stddev: null, cv: null, ci95: null, samples: null };
  return { value, unit, n: 1, mean: value, median: value, ...alone, source };
}

/**
 * A percentile of pooled values. Mean, median and spread describe the pool. No interval: gaps within a
 * repeat depend on each other, and an interval that ignores it would be too narrow.
 */
export function pooled(values: readonly number[], p: number, unit: Unit, whyMissing: string): Entry {
  const summary = summarize(values);
  if (summary === null) return missing(unit, whyMissing);
  const { n, mean, median, stddev, cv } = summary;
  const value = quantileOfSorted(sorted(values), p);
  return { value, unit, n, mean, median, stddev, cv, ci95: null, samples: null, source: null };
}
