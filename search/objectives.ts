import { metricNamed } from '../core/metrics/catalogue.js';
import type { Objective } from '../core/sweep/spec.js';

/** Where costs are logarithms, a value that is not positive costs as much as this share of a unit. */
const TINY = 1e-12;

/**
 * The cost of a value; smaller is better. Times, rates, bytes and joules are used as logarithms, because
 * settings change them by a factor; ratios (scores, shares) are used as they are.
 * @returns null where there is no value.
 */
export function costOf(metric: string, better: Objective['better'], value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  const sign = better === 'min' ? 1 : -1;
  return sign * (metricNamed(metric)?.unit === 'ratio' ? value : Math.log(Math.max(TINY, value)));
}
