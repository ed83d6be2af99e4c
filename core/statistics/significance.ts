import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { normalCdf, studentTwoSided } from './distributions.js';
import { mean, moments } from './summary.js';

/** Difference of two means (b − a) with what a Welch interval needs. */
export interface WelchTest {
  readonly difference: number;
  readonly standardError: number;
  /** Welch–Satterthwaite degrees of freedom; infinite when neither sample varies. */
  readonly df: number;
  readonly p: number;
}

/**
 * Welch's t-test for unequal variances (Biometrika 34, 1947), two-sided.
 * @returns null when a sample has fewer than two values.
 */
export function welch(a: readonly number[], b: readonly number[]): WelchTest | null {
  if (a.length < 2 || b.length < 2) return null;
  const share = (values: readonly number[]) => moments(values).squares / (values.length - 1) / values.length;
  const [va, vb] = [share(a), share(b)];
  const difference = mean(b) - mean(a);
  const standardError = Math.sqrt(va + vb);
  if (standardError === 0) return { difference, standardError, df: Infinity, p: difference === 0 ? 1 : 0 };
  const df = (va + vb) ** 2 / (va ** 2 / (a.length - 1) + vb ** 2 / (b.length - 1));
  return { difference, standardError, df, p: studentTwoSided(difference / standardError, df) };
}

/** Products n·m up to which the exact distribution of U is counted. */
const EXACT_PAIRS = 400;

/**
 * Mann–Whitney U test, two-sided (Annals of Mathematical Statistics 18, 1947): exact without ties and with
 * few values, otherwise the normal approximation with tie and continuity correction. Three against three can
 * never fall below p = 0.1.
 * @returns null when a sample is empty.
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): { u: number; p: number } | null {
  const [n, m] = [a.length, b.length];
  if (n === 0 || m === 0) return null;
  let u = 0;
  for (const x of a) for (const y of b) u += x > y ? 1 : x === y ? 0.5 : 0;
  const counts = new Map<number, number>();
  for (const v of [...a, ...b]) counts.set(v, (counts.get(v) ?? 0) + 1);
  const smaller = Math.min(u, n * m - u);
  if (counts.size === n + m && n * m <= EXACT_PAIRS) {
    return { u, p: Math.min(1, 2 * shareOfUAtMost(smaller, n, m)) };
  }
  const total = n + m;
  const ties = [...counts.values()].reduce((sum, k) => sum + (k ** 3 - k), 0);
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
  if (variance <= 0) return { u, p: 1 };
  const z = (smaller + 0.5 - (n * m) / 2) / Math.sqrt(variance);
  return { u, p: Math.min(1, 2 * normalCdf(z)) };
}

/**
 * P(U ≤ limit) under the null. Every arrangement of n and m is a monotone path whose area is U, so the
 * counts are the coefficients of the Gaussian binomial, built up one factor (1 − q^(m+i)) / (1 − q^i) at a
 * time.
 */
function shareOfUAtMost(limit: number, n: number, m: number): number {
  const counts = new Array<number>(n * m + 1).fill(0);
  counts[0] = 1;
  for (let i = 1; i <= n; i++) {
    for (let k = n * m; k >= m + i; k--) counts[k]! -= counts[k - m - i]!;
    for (let k = i; k <= n * m; k++) counts[k]! += counts[k - i]!;
  }
  const all = counts.reduce((sum, c) => sum + c, 0);
  return counts.slice(0, Math.floor(limit) + 1).reduce((sum, c) => sum + c, 0) / all;
}

/** Splits up to which all of them are tried. */
const EXACT_SPLITS = 20_000;

/**
 * Permutation test on the difference of means, two-sided: all splits when there are few, otherwise random
 * ones, with p = (hits + 1) / (draws + 1) so that p is never 0 (Phipson & Smyth, SAGMB 9(1), 2010).
 * @returns null when a sample is empty.
 */
export function permutation(
  a: readonly number[],
  b: readonly number[],
  options: { readonly resamples?: number; readonly seed?: number } = {},
): { p: number; exact: boolean } | null {
  if (a.length === 0 || b.length === 0) return null;
  const pool = [...a, ...b];
  const sum = pool.reduce((s, v) => s + v, 0);
  // With the pool fixed, the sum of the first group orders splits as the difference of means does.
  const distance = (sumOfA: number) => Math.abs(sumOfA / a.length - (sum - sumOfA) / b.length);
  const observed = distance(a.reduce((s, v) => s + v, 0));
  // Splits that differ only by rounding count as hits.
  const limit = observed - 1e-12 * (Math.abs(sum) + observed);
  if (binomial(pool.length, a.length) <= EXACT_SPLITS) {
    let hits = 0;
    let splits = 0;
    const choose = (from: number, left: number, soFar: number): void => {
      if (left === 0) {
        splits++;
        if (distance(soFar) >= limit) hits++;
        return;
      }
      for (let i = from; i <= pool.length - left; i++) choose(i + 1, left - 1, soFar + pool[i]!);
    };
    choose(0, a.length, 0);
    return { p: hits / splits, exact: true };
  }
  const random = xoroshiro128plus(options.seed ?? 42);
  const draws = options.resamples ?? 10_000;
  let hits = 0;
  for (let d = 0; d < draws; d++) {
    let sumOfA = 0;
    for (let i = 0; i < a.length; i++) {
      const j = uniformInt(random, i, pool.length - 1);
      const drawn = pool[j]!;
      pool[j] = pool[i]!;
      pool[i] = drawn;
      sumOfA += drawn;
    }
    if (distance(sumOfA) >= limit) hits++;
  }
  return { p: (hits + 1) / (draws + 1), exact: false };
}

function binomial(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= Math.min(k, n - k); i++) result = (result * (n - i + 1)) / i;
  return result;
}

/** Pairs whose signs are all tried: a million of them. */
const MOST_PAIRS = 20;

/**
 * Randomization test of paired differences (Fisher, "The Design of Experiments", 1935, §21), one-sided and exact: were the two of each pair
 * alike, its difference could as well have the other sign. n pairs can never fall below p = 2^−n.
 * @returns the share of all signs with a sum at least as large; null without a pair, or with more than 20.
 */
export function pairedSigns(differences: readonly number[]): number | null {
  const n = differences.length;
  if (n === 0 || n > MOST_PAIRS) return null;
  const observed = differences.reduce((sum, difference) => sum + difference, 0);
  const scale = differences.reduce((sum, difference) => sum + Math.abs(difference), 0);
  let reached = 0;
  for (let signs = 0; signs < 2 ** n; signs++) {
    const total = differences.reduce((sum, one, i) => sum + ((signs >> i) & 1 ? -one : one), 0);
    // Sums of the same numbers in another order differ in their last bits.
    if (total >= observed - 1e-12 * scale) reached += 1;
  }
  return reached / 2 ** n;
}

/**
 * Holm's step-down adjustment (Scandinavian Journal of Statistics 6, 1979): comparing each adjusted p with α
 * keeps the chance of any false finding among all of them at α. Order is kept.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let floor = 0;
  order.forEach((index, rank) => {
    floor = Math.max(floor, Math.min(1, (pValues.length - rank) * pValues[index]!));
    adjusted[index] = floor;
  });
  return adjusted;
}
