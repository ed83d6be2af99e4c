import { studentQuantile } from '../../../statistics/distributions.js';
import { averageRanks } from '../../../statistics/ranks.js';
import { cv, mean, stddev } from '../../../statistics/summary.js';
import type { Drawn } from './draws.js';

/** When a reader of another tool calls two sides different. */
export interface Rule {
  readonly name: string;
  /**
   * @param level what is asked for: the chance of a find without any difference. Rules without one ignore it.
   */
  readonly finds: (drawn: Drawn, level: number) => boolean;
  /** Whether it has a level that can be asked for. */
  readonly hasLevel: boolean;
}

/**
 * Of AIPerf's `ci_width` and `cv`: width of the interval and standard deviation as shares of the mean, below
 * which runs have converged.
 */
const WIDTH = 0.1;
const SPREAD = 0.05;

/**
 * Student's interval of the mean (AIPerf, src/aiperf/orchestrator/convergence/ci_width.py and
 * aggregation/confidence.py).
 */
function interval(values: readonly number[], level: number): readonly [number, number] {
  const half =
    (studentQuantile(1 - level / 2, values.length - 1) * stddev(values)!) / Math.sqrt(values.length);
  return [mean(values) - half, mean(values) + half];
}

const areApart = (one: readonly [number, number], other: readonly [number, number]) =>
  one[1] < other[0] || other[1] < one[0];

/**
 * llama-bench prints mean ± standard deviation, n − 1 in the denominator (tools/llama-bench/llama-bench.cpp,
 * `stdev`).
 */
function meanAndSpread({ a, b }: Drawn): boolean {
  const bar = (values: readonly number[]) => {
    const [middle, spread] = [mean(values), stddev(values)!];
    return [middle - spread, middle + spread] as const;
  };
  return areApart(bar(a), bar(b));
}

/** AIPerf's `ci_width`: both sides have converged, and their intervals do not overlap. */
function intervalsApart({ a, b }: Drawn, level: number): boolean {
  const [one, other] = [interval(a, level), interval(b, level)];
  const hasConverged = ([low, high]: readonly [number, number]) => (high - low) / ((low + high) / 2) < WIDTH;
  return hasConverged(one) && hasConverged(other) && areApart(one, other);
}

/**
 * AIPerf's `cv` (convergence/cv.py): both sides have converged, and their means are further apart than that.
 */
function convergedMeansApart({ a, b }: Drawn): boolean {
  return cv(a)! < SPREAD && cv(b)! < SPREAD && Math.abs(mean(b) / mean(a) - 1) > SPREAD;
}

/**
 * Two-sided p of the test of Kolmogorov and Smirnov for two samples of one size, exact: the share of orders
 * of all values in which the two distribution functions come as far apart. AIPerf's `distribution` takes it
 * of scipy (convergence/distribution.py), between the last run and all before; here between the sides.
 */
export function kolmogorovSmirnov(a: readonly number[], b: readonly number[]): number {
  const [n, m] = [a.length, b.length];
  const values = [...new Set([...a, ...b])].sort((x, y) => x - y);
  const below = (side: readonly number[], value: number) =>
    side.filter((one) => one <= value).length / side.length;
  const distance = Math.max(...values.map((value) => Math.abs(below(a, value) - below(b, value))));
  // Paths from (0, 0) to (n, m) that stay nearer than the distance: each order of the values is one.
  let paths = new Array<number>(m + 1).fill(0);
  for (let i = 0; i <= n; i += 1) {
    const next = new Array<number>(m + 1).fill(0);
    for (let j = 0; j <= m; j += 1) {
      if (Math.abs(i / n - j / m) > distance - 1e-9) continue;
      next[j] = i === 0 && j === 0 ? 1 : (i > 0 ? paths[j]! : 0) + (j > 0 ? next[j - 1]! : 0);
    }
    paths = next;
  }
  return 1 - paths[m]! / binomial(n + m, n);
}

/**
 * Two-sided p of the U test of Mann and Whitney, exact, also with equal values: the share of choices of ranks
 * whose sum lies as far from the middle. It is benchstat's default since 2023, at 0.05 (golang.org/x/perf,
 * benchmath/anone.go).
 */
export function mannWhitney(a: readonly number[], b: readonly number[]): number {
  // Ranks of equal values end in a half.
  const ranks = averageRanks([...a, ...b]).map((rank) => 2 * rank);
  const observed = ranks.slice(0, a.length).reduce((sum, rank) => sum + rank, 0);
  const middle = a.length * (a.length + b.length + 1);
  const counts = sumsOf(ranks, a.length);
  const far = Math.abs(observed - middle);
  let reached = 0;
  for (const [sum, count] of counts.entries()) if (Math.abs(sum - middle) >= far) reached += count;
  return reached / binomial(ranks.length, a.length);
}

const KNOWN_SUMS = new Map<string, readonly number[]>();

/** @returns how many choices of `count` of the ranks have each sum. */
function sumsOf(ranks: readonly number[], count: number): readonly number[] {
  const sorted = [...ranks].sort((x, y) => x - y);
  const key = `${count} ${sorted.join()}`;
  const known = KNOWN_SUMS.get(key);
  if (known !== undefined) return known;
  const most = sorted.reduce((sum, rank) => sum + rank, 0);
  const chosen = Array.from({ length: count + 1 }, () => new Array<number>(most + 1).fill(0));
  chosen[0]![0] = 1;
  for (const rank of sorted)
    for (let k = count; k > 0; k -= 1)
      for (let sum = most; sum >= rank; sum -= 1) chosen[k]![sum]! += chosen[k - 1]![sum - rank]!;
  KNOWN_SUMS.set(key, chosen[count]!);
  return chosen[count]!;
}

function binomial(n: number, k: number): number {
  let value = 1;
  for (let i = 1; i <= k; i += 1) value = (value * (n - k + i)) / i;
  return Math.round(value);
}

/**
 * None of AIPerf's criteria compares: they say when to stop repeating. Each is given what it would take to
 * call two sides different.
 */
export const RULES: readonly Rule[] = [
  { name: 'llama-bench, mean ± sd apart', finds: meanAndSpread, hasLevel: false },
  { name: 'AIPerf, intervals apart', finds: intervalsApart, hasLevel: true },
  { name: 'AIPerf, CV', finds: convergedMeansApart, hasLevel: false },
  { name: 'AIPerf, KS', finds: ({ a, b }, level) => kolmogorovSmirnov(a, b) <= level, hasLevel: true },
  { name: 'benchstat, U test', finds: ({ a, b }, level) => mannWhitney(a, b) < level, hasLevel: true },
];
