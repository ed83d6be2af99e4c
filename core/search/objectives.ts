import { metricNamed } from '../metrics/catalogue.js';
import type { Objective, SearchBound } from '../sweep/spec.js';

/** What is not positive costs as much as this share of a unit, where costs are logarithms. */
const TINY = 1e-12;

/**
 * What a value costs, smaller being better. Times, rates, bytes and joules by their logarithms: settings make them so many times as large;
 * ratios (scores, shares) as they are.
 * @returns null where there is no value.
 */
export function costOf(metric: string, better: Objective['better'], value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  const sign = better === 'min' ? 1 : -1;
  return sign * (metricNamed(metric)?.unit === 'ratio' ? value : Math.log(Math.max(TINY, value)));
}

/** @returns by how much a value misses a bound, as a share of the bound; 0 = it meets it; null where there is no value. */
export function missBy({ atMost, atLeast }: SearchBound, value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  const over = atMost === null ? 0 : (value - atMost) / Math.max(TINY, Math.abs(atMost));
  const under = atLeast === null ? 0 : (atLeast - value) / Math.max(TINY, Math.abs(atLeast));
  return Math.max(0, over, under);
}
