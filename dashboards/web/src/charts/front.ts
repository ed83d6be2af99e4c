import type { MetricColumn } from '../../../../core/report/columns.js';
import { metricOf, type Row } from '../../../../core/report/rows.js';

export interface Point {
  readonly row: Row;
  readonly x: number;
  readonly y: number;
}

/** @returns the rows that have both numbers; on a log axis only what is above zero. */
export function pointsOf(rows: readonly Row[], x: string, y: string): Point[] {
  return rows.flatMap((row) => {
    const [left, up] = [metricOf(row, x), metricOf(row, y)];
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
    .filter((p) => p.row.state === 'valid')
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
