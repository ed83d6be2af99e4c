import type { AxisColumn } from '../../../../report/columns.js';
import type { Row } from '../../../../report/rows.js';
import { series } from './palette.js';

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

/**
 * Thousands of points in one stroke; those of rows that are not valid are faint. ECharts cannot paint a
 * stroke of none.
 * @param i of the colour. @param more of the series: its symbols
 */
export function largeSeries<P extends { readonly row: Row }>(
  { name, points }: Group<P>,
  i: number,
  place: (point: P) => [number, number],
  more: object,
): PlottedSeries<P>[] {
  return [true, false].flatMap((valid) => {
    const own = points.filter(({ row }) => (row.state === 'valid') === valid);
    if (own.length === 0) return [];
    const large = { large: true, largeThreshold: 0, progressive: 0 };
    const itemStyle = { color: series(i), opacity: valid ? 0.85 : 0.3 };
    const data = own.map(place);
    return {
      points: own,
      series: { type: 'scatter', name, animation: false, z: 3, ...large, ...more, itemStyle, data },
    };
  });
}

/**
 * @returns points by the value of an axis that their rows have, in the order of its values; all in one group
 *   without an axis.
 */
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
