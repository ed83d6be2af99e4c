import { normalCdf } from './distributions.js';
import { median } from './quantile.js';
import { averageRanks } from './ranks.js';
import { mean } from './summary.js';

export interface Trend {
  /** Pairs that rise minus pairs that fall. */
  readonly s: number;
  /** Two-sided p value of "no trend". */
  readonly p: number;
  /** Theil–Sen slope: median change per step, in the unit of the values. */
  readonly slopePerStep: number;
  /** slopePerStep · (n − 1) / |median|: the total relative change over the series; null for a median of 0. */
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
 * 1975) with the slope of Theil and Sen (Sen, JASA 63, 1968): it assumes no shape of the trend and tolerates
 *   outliers, so it suits a machine that warms up. Exact p up to 20 values without ties, otherwise the normal
 *   approximation with continuity and tie correction. Fewer than five values can never reach p < 0.05.
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

/** Variance of S without a trend, corrected for ties (Kendall, 1975). */
function varianceOfS(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
  const term = (k: number) => k * (k - 1) * (2 * k + 5);
  const ties = [...counts.values()].reduce((sum, k) => sum + term(k), 0);
  return (term(values.length) - ties) / 18;
}

/** Normal approximation with the correction for continuity. */
function normalP(s: number, variance: number): number {
  if (variance <= 0 || s === 0) return 1;
  return Math.min(1, 2 * normalCdf(-(Math.abs(s) - 1) / Math.sqrt(variance)));
}

function twoSidedP(s: number, values: readonly number[]): number {
  const n = values.length;
  if (n <= EXACT_LIMIT && new Set(values).size === n) {
    return Math.min(1, 2 * inversionShare(n, ((n * (n - 1)) / 2 - Math.abs(s)) / 2));
  }
  return normalP(s, varianceOfS(values));
}

export interface AutocorrelatedTrend {
  /** Pairs that rise minus pairs that fall. */
  readonly s: number;
  /** Factor by which autocorrelation increases the variance of S: 1 = not at all. */
  readonly stretch: number;
  /** Two-sided p value of "no trend". */
  readonly p: number;
}

/** Autocorrelations within this many standard errors of 0 are not significant (two-sided 5 %). */
const SIGNIFICANT_LAG = 1.96;

/**
 * Mann–Kendall test for series whose neighbouring values are correlated (Hamed & Rao, J. Hydrology 204,
 * 1998): the variance of S is multiplied by 1 + 2 / (n (n − 1) (n − 2)) · Σ (n − k) (n − k − 1) (n − k − 2)
 * r_k over the lags k whose autocorrelation of ranks r_k is significant. The values are ranked as they are,
 * as MLPerf Endpoints does. The paper first removes the slope of Sen, and therefore finds trends more easily,
 * even if there are none. If the factor is not positive, the variance of S is left unchanged.
 * @returns null for fewer than four values.
 */
export function mannKendallHamedRao(values: readonly number[]): AutocorrelatedTrend | null {
  const n = values.length;
  if (n < 4) return null;
  let s = 0;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) s += Math.sign(values[j]! - values[i]!);
  }
  const ranks = Float64Array.from(averageRanks(values));
  const centre = (n + 1) / 2;
  const deviations = ranks.map((rank) => rank - centre);
  const squares = deviations.reduce((sum, d) => sum + d * d, 0);
  let sum = 0;
  for (let lag = 1; squares > 0 && lag < n; lag++) {
    let products = 0;
    for (let t = lag; t < n; t++) products += deviations[t]! * deviations[t - lag]!;
    const r = products / squares;
    if (Math.abs(r) > SIGNIFICANT_LAG / Math.sqrt(n)) sum += (n - lag) * (n - lag - 1) * (n - lag - 2) * r;
  }
  const factor = 1 + (2 / (n * (n - 1) * (n - 2))) * sum;
  const stretch = factor > 0 ? factor : 1;
  return { s, stretch, p: normalP(s, varianceOfS(values) * stretch) };
}

/**
 * Least squares change from the first to the last of evenly spaced values, in their unit; 0 for fewer than
 * two.
 */
export function fittedChange(values: readonly number[]): number {
  const n = values.length;
  if (n < 2) return 0;
  const centre = (n - 1) / 2;
  const middle = mean(values);
  const products = values.reduce((sum, value, i) => sum + (i - centre) * (value - middle), 0);
  return (products / ((n * (n * n - 1)) / 12)) * (n - 1);
}
