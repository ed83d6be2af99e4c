import { metricNamed } from '../core/metrics/catalogue.js';
import type { Objective } from '../core/sweep/spec.js';

/** What is not positive costs as much as this share of a unit, where costs are logarithms. */
const TINY = 1e-12;

/**
 * What a value costs, smaller being better. Times, rates, bytes and joules by their logarithms: settings make
 * them so many times as large; ratios (scores, shares) as they are.
 * @returns null where there is no value.
 */
export function costOf(metric: string, better: Objective['better'], value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  const sign = better === 'min' ? 1 : -1;
  return sign * (metricNamed(metric)?.unit === 'ratio' ? value : Math.log(Math.max(TINY, value)));
}
