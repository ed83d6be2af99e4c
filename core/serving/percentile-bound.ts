import { incompleteBeta } from '../../statistics/distributions.js';

/** Confidence of the bound, as built into MLPerf's LoadGen (results.cc). */
const CONFIDENCE = 0.99;

export interface PercentileBound {
  /**
   * The upper bound of the percentile, in the unit of the values; null = there are too few values for a
   * bound.
   */
  readonly upper: number | null;
  /** One sentence where there is none. */
  readonly reason: string | null;
}

/**
 * Upper confidence bound of a percentile that assumes no shape: early stopping of MLPerf's LoadGen
 * (early_stopping.cc, results.cc: the estimate of SingleStream; docs/early_stopping.md of
 * mlcommons/endpoints). If the percentile were above a value, each reading would be above that value with a
 * probability of more than 1 − p, and so few readings above it would have a probability of less than 1 −
 * CONFIDENCE. The bound is the t-th largest value, with the largest t that the number of readings allows: h +
 * t ≤ n, where h is the least number of readings below with P(at most t of h + t above) = I_p(h, t + 1) < 1 −
 * CONFIDENCE. Values must be independent of each other, which is nearly true of requests but not of the gaps
 * within a request.
 * @param ordered smallest first
 * @param p of the percentile, between 0 and 1
 */
export function percentileBound(ordered: ArrayLike<number>, p: number): PercentileBound {
  const n = ordered.length;
  const needed = readingsNeeded(p);
  if (n < needed) {
    const percentile = Number((100 * p).toFixed(10));
    return {
      upper: null,
      reason: `p${percentile} has an upper bound at ${100 * CONFIDENCE} % confidence from ${needed} requests on; there are ${n}`,
    };
  }
  const carried = lastOf(1, (t) => isOutweighed(n - t, t, p));
  return { upper: ordered[n - carried]!, reason: null };
}

/** @returns how many readings are needed for any bound of a percentile: 662 for p99, 64 for p90. */
export function readingsNeeded(p: number): number {
  return lastOf(0, (below) => !isOutweighed(below, 1, p)) + 2;
}

/**
 * Whether it is sufficiently improbable that the percentile is above a value, given the numbers of readings
 * below and above it.
 */
function isOutweighed(below: number, above: number, p: number): boolean {
  return below > 0 && incompleteBeta(p, below, above + 1) < 1 - CONFIDENCE;
}

/**
 * @returns the largest whole number for which a condition holds. The condition must hold for `from`, and fail
 *   for all numbers above some limit.
 */
function lastOf(from: number, holds: (x: number) => boolean): number {
  let step = 1;
  while (holds(from + step)) step *= 2;
  let [low, high] = [from + Math.floor(step / 2), from + step];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
