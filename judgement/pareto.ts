import { isPresent, type ResultRecord } from '../core/result/result.js';
import type { Objective, SearchBound } from '../core/sweep/spec.js';
import { holds } from './holds.js';

/** Where one row stands. */
export interface ParetoMark {
  readonly onFront: boolean;
  /**
   * The index of a row that is at least as good in every objective and better in one; null for a row on the
   * front or without values.
   */
  readonly dominatedBy: number | null;
  /**
   * The first objective that the row has no number for, or the first metric whose bound it misses. Such a row
   * is never on the front and beats no other.
   */
  readonly missing: string | null;
}

export type ValueOf<Row> = (row: Row, metric: string) => number | null;

/**
 * Marks the rows that no other row beats (Kung, Luccio & Preparata, "On Finding the Maxima of a Set of
 * Vectors", JACM 22(4), 1975). Rows with equal values are either all on the front or none is. Two objectives
 * take O(n log n); more take O(n · front), since after sorting a row can only be beaten by one before it.
 * @param objectives the metrics that count, each with its direction; without any, every row is on the front.
 * @param bounds that rows have to keep.
 */
export function paretoFront<Row>(
  rows: readonly Row[],
  objectives: readonly Objective[],
  numberOf: ValueOf<Row>,
  bounds: readonly SearchBound[] = [],
): ParetoMark[] {
  // Costs: smaller is better in every component.
  const points: { index: number; cost: readonly number[] }[] = [];
  const marks = rows.map((row, index): ParetoMark => {
    const cost = costs(row, objectives, numberOf, bounds);
    if (typeof cost === 'string') return { onFront: false, dominatedBy: null, missing: cost };
    points.push({ index, cost });
    return { onFront: true, dominatedBy: null, missing: null };
  });
  points.sort((a, b) => {
    for (let d = 0; d < a.cost.length; d++) {
      const difference = a.cost[d]! - b.cost[d]!;
      if (difference !== 0) return difference;
    }
    return a.index - b.index;
  });
  const front: { index: number; cost: readonly number[] }[] = [];
  for (const point of points) {
    // In two dimensions the last point of the front has the least second cost so far. If it does not beat a
    // point, no other does.
    const rivals = objectives.length <= 2 ? front.slice(-1) : front;
    const winner = rivals.find((rival) => dominates(rival.cost, point.cost));
    if (winner === undefined) front.push(point);
    else marks[point.index] = { onFront: false, dominatedBy: winner.index, missing: null };
  }
  return marks;
}

/** @returns true when `a` is nowhere worse than `b` and somewhere better; costs, smaller is better. */
export function dominates(a: readonly number[], b: readonly number[]): boolean {
  let better = false;
  for (let d = 0; d < a.length; d++) {
    if (a[d]! > b[d]!) return false;
    if (a[d]! < b[d]!) better = true;
  }
  return better;
}

/** @returns true when one value of an objective is better than another. */
export function isBetter(a: number, b: number, better: Objective['better']): boolean {
  return better === 'max' ? a > b : a < b;
}

/**
 * Marks result records. A record whose numbers may not be compared (holds.ts) is never on the front and beats
 * no other.
 */
export function recordFront(
  records: readonly ResultRecord[],
  objectives: readonly Objective[],
  bounds: readonly SearchBound[] = [],
): ParetoMark[] {
  return paretoFront(records, objectives, comparable, bounds);
}

/**
 * @returns what a record costs in each objective, smaller being better, as recordFront compares it; the name
 *   of the first objective that it has no number for, or the metric whose bound it misses.
 */
export function costsOf(
  record: ResultRecord,
  objectives: readonly Objective[],
  bounds: readonly SearchBound[],
): readonly number[] | string {
  return costs(record, objectives, comparable, bounds);
}

/**
 * @returns by how much a value misses a bound, as a share of the bound; 0 = it meets it; null where there is
 *   no value.
 */
export function missBy({ atMost, atLeast }: SearchBound, value: number | null): number | null {
  if (value === null || !Number.isFinite(value)) return null;
  const over = atMost === null ? 0 : (value - atMost) / Math.max(TINY, Math.abs(atMost));
  const under = atLeast === null ? 0 : (atLeast - value) / Math.max(TINY, Math.abs(atLeast));
  return Math.max(0, over, under);
}

/** Stands for the bound in that share if the bound is 0. */
const TINY = 1e-12;

/**
 * If a row was measured under conditions unlike those of the others, its number is not compared with theirs.
 */
const comparable: ValueOf<ResultRecord> = (record, metric) => {
  const entry = record.measurements[metric];
  return holds(record, metric) && isPresent(entry) && entry.range === undefined ? entry.value : null;
};

function costs<Row>(
  row: Row,
  objectives: readonly Objective[],
  numberOf: ValueOf<Row>,
  bounds: readonly SearchBound[],
): readonly number[] | string {
  const found: number[] = [];
  for (const { metric, better } of objectives) {
    const value = numberOf(row, metric);
    if (value === null || !Number.isFinite(value)) return metric;
    found.push(better === 'min' ? value : -value);
  }
  return bounds.find((bound) => missBy(bound, numberOf(row, bound.metric)) !== 0)?.metric ?? found;
}
