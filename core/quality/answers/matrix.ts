import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { icc, kappa, kendallTau } from '../../../statistics/agreement.js';
import { mean } from '../../../statistics/summary.js';
import { type ScoreEstimate, scoreEstimate } from './metrics.js';

export const COSTS = ['seconds', 'tokens', 'joules', 'money'] as const;
export type Cost = (typeof COSTS)[number];

/** Answers of one row, by the items that all rows answered, in one order. */
export interface MatrixRow {
  readonly label: string;
  readonly scores: Float64Array;
  /** How sure the row was, as a probability of the option that it took; NaN = it did not say. */
  readonly confidences: Float64Array;
  /** NaN = not known. */
  readonly costs: Readonly<Record<Cost, Float64Array>>;
}

export interface RowSummary {
  readonly label: string;
  readonly score: ScoreEstimate | null;
  /** Means of an item; null = not known of every item. */
  readonly costs: Readonly<Record<Cost, number | null>>;
  /**
   * Share of draws of the items, with replacement, in which no other row scores more; equal ones share it.
   */
  readonly bestShare: number;
}

/** A way to answer with several rows: what it scores and what an item costs. */
export interface CurvePoint {
  readonly score: number;
  readonly cost: number;
  /** Share of items that each row answers in the end. */
  readonly shares: readonly number[];
}

/** How far two rows agree. */
export interface PairAgreement {
  readonly a: string;
  readonly b: string;
  /** Items that both have right, or both wrong. */
  readonly same: number;
  /** Cohen's kappa of being right; null where one of them is always the same. */
  readonly kappa: number | null;
  /**
   * Of scores that are more than right and wrong: ICC(2,1), and the quadratically weighted kappa where all of
   * them are on the scale; left out where there are none.
   */
  readonly icc?: number | null;
  readonly quadraticKappa?: number | null;
}

export interface Matrix {
  readonly items: number;
  readonly rows: readonly RowSummary[];
  /** The best answer of each item: what no routing can exceed. */
  readonly oracle: ScoreEstimate | null;
  /** Items that no row, and that every row, has right (0.5 or more). */
  readonly noneRight: number;
  readonly allRight: number;
  readonly agreement: readonly PairAgreement[];
  /** Mean of Kendall's τ-b between the order of rows and that of drawn items. */
  readonly orderTau: number | null;
  /** By cost that is known of every row. */
  readonly curves: readonly {
    readonly cost: Cost;
    /** Each item by the row that is best for its cost, as if that were known before: from cheap to good. */
    readonly routing: readonly CurvePoint[];
    /**
     * Cheap rows first, and the next where one is less sure than a threshold; null where a row does not say
     * how sure it is.
     */
    readonly cascade: readonly CurvePoint[] | null;
  }[];
}

const DRAWS = 1000;

/** @param rows of the same items. @param scale all grades that scores may have; null = nobody said. */
export function matrixOf(rows: readonly MatrixRow[], scale: readonly number[] | null = null): Matrix {
  const items = rows[0]?.scores.length ?? 0;
  const best = Array.from({ length: items }, (_, i) => Math.max(...rows.map(({ scores }) => scores[i]!)));
  const right = (i: number) => rows.filter(({ scores }) => scores[i]! >= 0.5).length;
  const counts = Array.from({ length: items }, (_, i) => right(i));
  const { bestShares, orderTau } = stability(rows, items);
  const summaries = rows.map(
    ({ label, scores, costs }, r): RowSummary => ({
      label,
      score: scoreEstimate([...scores]),
      costs: Object.fromEntries(COSTS.map((cost) => [cost, known(costs[cost])])) as RowSummary['costs'],
      bestShare: bestShares[r]!,
    }),
  );
  return {
    items,
    rows: summaries,
    oracle: scoreEstimate(best),
    noneRight: counts.filter((count) => count === 0).length,
    allRight: counts.filter((count) => count === rows.length).length,
    agreement: pairs(rows).map(([a, b]) => agreementOf(a, b, scale)),
    orderTau,
    curves: COSTS.filter((cost) => items > 0 && summaries.every(({ costs }) => costs[cost] !== null)).map(
      (cost) => ({
        cost,
        routing: routing(rows, cost, items),
        cascade: cascade(rows, summaries, cost, items),
      }),
    ),
  };
}

function known(values: Float64Array): number | null {
  const total = mean([...values]);
  return Number.isFinite(total) ? total : null;
}

const pairs = <T>(list: readonly T[]): [T, T][] =>
  list.flatMap((a, i) => list.slice(i + 1).map((b): [T, T] => [a, b]));

function agreementOf(a: MatrixRow, b: MatrixRow, scale: readonly number[] | null): PairAgreement {
  const scores = [...a.scores].map((score, i) => [score, b.scores[i]!]);
  const graded = scores.flat().some((score) => score !== 0 && score !== 1);
  const [x, y] = [a, b].map(({ scores }) => [...scores].map((score) => Number(score >= 0.5)));
  const same = mean(x!.map((value, i) => Number(value === y![i])));
  const pair = { a: a.label, b: b.label, same, kappa: kappa(x!, y!) };
  if (!graded) return pair;
  const weighted = scale && kappa([...a.scores], [...b.scores], { weights: 'quadratic', scale });
  return { ...pair, icc: icc(scores), quadraticKappa: weighted };
}

/** Draws items with replacement, the same for all rows, again and again (Efron's bootstrap, paired). */
function stability(
  rows: readonly MatrixRow[],
  items: number,
): { bestShares: number[]; orderTau: number | null } {
  const bestShares = rows.map(() => 0);
  if (items === 0) return { bestShares, orderTau: null };
  const whole = rows.map(({ scores }) => mean([...scores]));
  const random = xoroshiro128plus(42);
  const taus: number[] = [];
  const sums = new Float64Array(rows.length);
  for (let draw = 0; draw < DRAWS; draw++) {
    sums.fill(0);
    for (let k = 0; k < items; k++) {
      const i = uniformInt(random, 0, items - 1);
      for (let r = 0; r < rows.length; r++) sums[r]! += rows[r]!.scores[i]!;
    }
    const most = Math.max(...sums);
    const first = [...sums].flatMap((sum, r) => (sum === most ? [r] : []));
    for (const r of first) bestShares[r]! += 1 / first.length / DRAWS;
    const tau = kendallTau(whole, [...sums]);
    if (tau !== null) taus.push(tau);
  }
  return { bestShares, orderTau: taus.length === 0 ? null : mean(taus) };
}

/** Points of a curve, at most, beside its ends. */
const STEPS = 20;

/**
 * Each item goes to the row with the largest score − λ · cost, for λ from so large that the cheapest wins
 * to 0.
 */
function routing(rows: readonly MatrixRow[], cost: Cost, items: number): CurvePoint[] {
  const all = rows.flatMap(({ costs }) => [...costs[cost]]);
  const spread = all.reduce((a, b) => Math.max(a, b), 0);
  if (spread === 0) return [];
  const lambdas = [
    Number.POSITIVE_INFINITY,
    ...Array.from({ length: STEPS }, (_, k) => 10 ** (2 - k / 4) / spread),
    0,
  ];
  const points = lambdas.map((lambda) =>
    pointOf(rows, items, (i) => {
      let [best, merit] = [0, Number.NEGATIVE_INFINITY];
      rows.forEach(({ scores, costs }, r) => {
        const price = costs[cost][i]!;
        const own = lambda === Number.POSITIVE_INFINITY ? -price : scores[i]! - lambda * price;
        // Of equals the cheaper one, also where nothing is charged.
        if (own > merit || (own === merit && price < rows[best]!.costs[cost][i]!)) [best, merit] = [r, own];
      });
      return { row: best, cost: rows[best]!.costs[cost][i]! };
    }),
  );
  return distinct(points);
}

/**
 * Rows in the order of their mean cost; an item goes on while its row is less sure than a threshold, and pays
 * for each row that it passed.
 */
function cascade(
  rows: readonly MatrixRow[],
  summaries: readonly RowSummary[],
  cost: Cost,
  items: number,
): CurvePoint[] | null {
  if (rows.length < 2) return null;
  const order = rows
    .map((row, r) => ({ row, r }))
    .sort((a, b) => summaries[a.r]!.costs[cost]! - summaries[b.r]!.costs[cost]!);
  if (order.slice(0, -1).some(({ row }) => row.confidences.some((value) => Number.isNaN(value)))) return null;
  const thresholds = Array.from({ length: STEPS + 1 }, (_, k) => k / STEPS).concat(2);
  const points = thresholds.map((threshold) =>
    pointOf(rows, items, (i) => {
      let paid = 0;
      for (const [place, { row, r }] of order.entries()) {
        paid += row.costs[cost][i]!;
        if (place === order.length - 1 || row.confidences[i]! >= threshold) return { row: r, cost: paid };
      }
      throw new Error('a cascade ends in its last row');
    }),
  );
  return distinct(points);
}

function pointOf(
  rows: readonly MatrixRow[],
  items: number,
  choose: (item: number) => { readonly row: number; readonly cost: number },
): CurvePoint {
  let [score, cost] = [0, 0];
  const shares = rows.map(() => 0);
  for (let i = 0; i < items; i++) {
    const chosen = choose(i);
    score += rows[chosen.row]!.scores[i]! / items;
    cost += chosen.cost / items;
    shares[chosen.row]! += 1 / items;
  }
  return { score, cost, shares };
}

function distinct(points: readonly CurvePoint[]): CurvePoint[] {
  const isSamePoint = (a: CurvePoint, b: CurvePoint) =>
    a.shares.every((share, r) => Math.abs(share - b.shares[r]!) < 1e-12);
  return points.filter((point, i) => i === 0 || !isSamePoint(point, points[i - 1]!));
}
