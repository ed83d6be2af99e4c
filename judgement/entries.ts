import { METRICS, type MetricName } from '../core/metrics/catalogue.js';
import type { Measurement, Missing, ResultRecord } from '../core/result/result.js';
import { quantileOfSorted, sorted } from '../statistics/quantile.js';
import { summarize } from '../statistics/summary.js';

/**
 * The measurement of a metric, or why it is missing, without the unit (which core/metrics/catalogue.ts
 * knows).
 */
export type Entry = Omit<Measurement, 'unit'> | Omit<Missing, 'unit'>;

export type Entries = Partial<Record<MetricName, Entry>>;

/** An entry without a number. */
export function missing(reason: string): Omit<Missing, 'unit'> {
  return { value: null, reason };
}

/** @returns an entry for each of these metrics without a number, all with the same reason. */
export function allMissing(names: readonly MetricName[], reason: string): Entries {
  return Object.fromEntries(names.map((name) => [name, missing(reason)]));
}

/**
 * @returns every metric of the catalogue in its unit;
 * @param reason the reason for metrics that have no entry.
 */
export function inUnits(entries: Entries, reason: string): ResultRecord['measurements'] {
  const entryOf = ({ name, unit }: (typeof METRICS)[number]) => {
    const { value, ...rest } = entries[name] ?? missing(reason);
    return [name, { value, unit, ...rest } as Measurement | Missing] as const;
  };
  return Object.fromEntries(METRICS.map(entryOf));
}

/**
 * One value per repeat, with the median as the number. It has no interval, because repeats share a process,
 * and processes differ by more than repeats do. `combineStarts` computes the interval from several processes.
 */
export function perRepeat(
  samples: readonly number[],
  whyMissing: string,
  source: string | null = null,
): Entry {
  const summary = summarize(samples);
  if (summary === null) return missing(whyMissing);
  const { n, mean, median, stddev, cv } = summary;
  return { value: median, n, mean, median, stddev, cv, ci95: null, samples: [...samples], source };
}

/** A single reading, whose spread is unknown. */
export function single(value: number | null, whyMissing: string, source: string | null = null): Entry {
  if (value === null || !Number.isFinite(value)) return missing(whyMissing);
  const alone = { stddev: null, cv: null, ci95: null, samples: null };
  return { value, n: 1, mean: value, median: value, ...alone, source };
}

/**
 * A percentile of pooled values. Mean, median and spread describe the pool. It has no interval, because gaps
 * within a repeat depend on each other, and an interval that ignores this would be too narrow.
 */
export function pooled(values: readonly number[], p: number, whyMissing: string): Entry {
  const summary = summarize(values);
  if (summary === null) return missing(whyMissing);
  const { n, mean, median, stddev, cv } = summary;
  const value = quantileOfSorted(sorted(values), p);
  return { value, n, mean, median, stddev, cv, ci95: null, samples: null, source: null };
}
