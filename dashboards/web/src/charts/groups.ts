import type { AxisColumn } from '../../../../report/columns.js';
import type { Row } from '../../../../report/rows.js';

/** Points of one colour. */
export interface Group<P> {
  readonly name: string;
  readonly points: P[];
}

/** A series, and the points that its items are, in their order. */
export interface PlottedSeries<P> {
  readonly points: readonly P[];
  readonly series: object;
}

/** @returns points by the value of an axis that their rows have, in the order of its values; all in one group without an axis. */
export function groupsOf<P extends { readonly row: Row }>(
  points: readonly P[],
  axis: AxisColumn | null,
): Group<P>[] {
  if (axis === null) return [{ name: 'rows', points: [...points] }];
  const groups = axis.values.map((_, i): Group<P> => ({ name: axis.texts[i] ?? 'rows', points: [] }));
  const at = new Map(axis.values.map((value, i) => [value, i]));
  for (const point of points) groups[at.get(point.row.axes[axis.name] ?? null) ?? -1]?.points.push(point);
  return groups;
}
