import type { MetricColumn } from '../../../../report/columns.js';
import { comparableOf, quotedValue, UNLIKE_ADVICE } from '../../../../report/quoted.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';

export interface Point {
  readonly row: Row;
  readonly x: number;
  readonly y: number;
}

/** @returns the rows that have both numbers; on a log axis only what is above zero. */
export function pointsOf(rows: readonly Row[], x: string, y: string): Point[] {
  return rows.flatMap((row) => {
    const [left, up] = [quotedValue(row, x), quotedValue(row, y)];
    return left === null || up === null ? [] : [{ row, x: left, y: up }];
  });
}

/**
 * @returns the valid points that nothing valid beats in both axes, along x. Sorting by x and keeping every
 * new best y is enough for two axes. A metric without a better direction has no front.
 */
export function frontOf(points: readonly Point[], x: MetricColumn, y: MetricColumn): Point[] {
  if (x.better === null || y.better === null) return [];
  const xSign = x.better === 'max' ? -1 : 1;
  const ySign = y.better === 'max' ? -1 : 1;
  const sorted = points
    .filter(
      ({ row }) => row.state === 'valid' && [x, y].every(({ name }) => comparableOf(row, name) !== null),
    )
    .sort((a, b) => xSign * (a.x - b.x) || ySign * (a.y - b.y));
  const front: Point[] = [];
  let best = Number.POSITIVE_INFINITY;
  for (const point of sorted) {
    if (ySign * point.y >= best) continue;
    best = ySign * point.y;
    front.push(point);
  }
  return front.sort((a, b) => a.x - b.x);
}

/** @returns why none of the points is on a front of two metrics, in a clause. */
export function whyNoFront(points: readonly Point[], axes: readonly MetricColumn[]): string {
  if (axes.some(({ better }) => better === null)) return 'no front: one of the axes has no better direction';
  const valid = points.filter(({ row }) => row.state === 'valid');
  if (valid.length === 0) return 'no front: no valid row has both numbers';
  const incomparable = valid.filter(({ row }) => axes.some(({ name }) => comparableOf(row, name) === null));
  if (incomparable.length === valid.length)
    return `no front: every row has a number that is as measured, for ${UNLIKE_ADVICE}`;
  return 'no front for these axes';
}

/** Which points are marked as a front. */
export interface PlottedFront {
  readonly points: readonly Point[];
  /** Neighbours along x are neighbours on the front, so that a line may join them. */
  readonly joined: boolean;
  /** Every objective of the sweep has a say, and not only the two axes. */
  readonly ofSweep: boolean;
}

/**
 * @returns the front to mark: of all objectives where both axes are among more than two of them, since a
 *   point that loses on these two may win on the third; of the two axes otherwise.
 */
export function frontFor(
  report: Report,
  points: readonly Point[],
  x: MetricColumn,
  y: MetricColumn,
): PlottedFront {
  if (report.objectives.length > 2 && x.objective && y.objective) {
    return { points: points.filter(({ row }) => row.onFront), joined: false, ofSweep: true };
  }
  return { points: frontOf(points, x, y), joined: true, ofSweep: false };
}
