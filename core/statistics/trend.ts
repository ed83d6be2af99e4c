import { normalCdf } from './distributions.js';
import { median } from './quantile.js';

export interface Trend {
  /** Pairs that rise minus pairs that fall. */
  readonly s: number;
  /** Two-sided p value of "no trend". */
  readonly p: number;
  /** Theil–Sen slope: median change per step, in the unit of the values. */
  readonly slopePerStep: number;
  /** slopePerStep · (n − 1) / |median|: how far the run moved in all; null for a median of 0. */
  readonly relativeChange: number | null;
}

/** Largest n whose exact distribution is tabulated; beyond it the normal approximation is good to 1e-3. */
const EXACT_LIMIT = 20;

/** Share of the permutations of n things that have at most k inversions (Mahonian numbers, by recurrence). */
function inversionShare(n: number, k: number): number {
  let shares = [1];
  for (let size = 2; size <= n; size++) {
    const next = new Array<number>(shares.length + size - 1).fill(0);
    for (const [i, share] of shares.entries()) for (let j = 0; j < size; j++) next[i + j]! += share / size;
    shares = next;
  }
  return shares.slice(0, k + 1).reduce((sum, share) => sum + share, 0);
}

/**
 * Mann–Kendall test for a monotone trend (Mann, Econometrica 13, 1945; Kendall, "Rank Correlation Methods",
 * 1975) with the slope of Theil and Sen (Sen, JASA 63, 1968): assumes no shape and survives an outlier, as a
 * warming machine needs. Exact p up to 20 values without ties, otherwise the normal approximation with
 * continuity and tie correction. Fewer than five values can never reach p < 0.05.
 * @returns null for fewer than three values.
 */
export function mannKendall(values: readonly number[]): Trend | null {
  const n = values.length;
  if (n < 3) return null;
  let s = 0;
  const slopes: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      s += Math.sign(values[j]! - values[i]!);
      slopes.push((values[j]! - values[i]!) / (j - i));
    }
  }
  const slopePerStep = median(slopes);
  const centre = Math.abs(median(values));
  return {
    s,
    p: twoSidedP(s, values),
    slopePerStep,
    relativeChange: centre === 0 ? null : (slopePerStep * (n - 1)) / centre,
  };
}

function twoSidedP(s: number, values: readonly number[]): number {
  const n = values.length;
  const counts = new Map<number, number>();
  for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
  const pairs = (n * (n - 1)) / 2;
  if (counts.size === n && n <= EXACT_LIMIT) {
    return Math.min(1, 2 * inversionShare(n, (pairs - Math.abs(s)) / 2));
  }
  const term = (k: number) => k * (k - 1) * (2 * k + 5);
  const ties = [...counts.values()].reduce((sum, k) => sum + term(k), 0);
  const variance = (term(n) - ties) / 18;
  if (variance <= 0 || s === 0) return 1;
  return Math.min(1, 2 * normalCdf(-(Math.abs(s) - 1) / Math.sqrt(variance)));
}
