import type { AxisColumn, MetricColumn } from './columns.js';
import { comparableOf } from './quoted.js';
import type { Row } from './rows.js';

/** How the rows of one cell become one number. */
export const PICKS = ['best', 'median', 'worst', 'count'] as const;
export type Pick = (typeof PICKS)[number];

export interface PivotCell {
  /** null where no valid row has the metric. */
  readonly value: number | null;
  /** Valid rows with the metric. */
  readonly count: number;
  /** The row that the value is of; null for medians and counts. */
  readonly row: Row | null;
}

/** Rows by two axes: `cells[down][across]`. */
export interface Pivot {
  readonly down: AxisColumn;
  readonly across: AxisColumn | null;
  readonly cells: readonly (readonly PivotCell[])[];
}

/**
 * @param across null = one column for all
 * @param metric a metric without a better direction is taken as better when larger
 * @returns valid rows grouped by the values of both axes, in the axes' own order; an invalid row is never
 *   picked, nor one whose number is as measured only.
 */
export function pivotOf(
  rows: readonly Row[],
  down: AxisColumn,
  across: AxisColumn | null,
  metric: MetricColumn,
  pick: Pick,
): Pivot {
  const [downAt, acrossAt] = [down, across].map(
    (axis) => new Map(axis === null ? [] : axis.values.map((value, i) => [value, i])),
  );
  const grouped = down.values.map(() => (across?.values ?? [null]).map((): Row[] => []));
  for (const row of rows) {
    if (row.state !== 'valid' || comparableOf(row, metric.name) === null) continue;
    const i = downAt?.get(row.axes[down.name] ?? null) ?? -1;
    const k = across === null ? 0 : (acrossAt?.get(row.axes[across.name] ?? null) ?? -1);
    grouped[i]?.[k]?.push(row);
  }
  return { down, across, cells: grouped.map((line) => line.map((own) => cellOf(own, metric, pick))) };
}

function cellOf(rows: readonly Row[], { name, better }: MetricColumn, pick: Pick): PivotCell {
  const count = rows.length;
  if (pick === 'count') return { value: count, count, row: null };
  const sorted = rows
    .map((row) => ({ row, value: comparableOf(row, name) ?? 0 }))
    .sort((a, b) => (better === 'min' ? a.value - b.value : b.value - a.value));
  const chosen = pick === 'worst' ? sorted.at(-1) : sorted[0];
  if (chosen === undefined) return { value: null, count, row: null };
  if (pick !== 'median') return { value: chosen.value, count, row: chosen.row };
  const half = (sorted.length - 1) / 2;
  const [low, high] = [sorted[Math.floor(half)]?.value ?? 0, sorted[Math.ceil(half)]?.value ?? 0];
  return { value: (low + high) / 2, count, row: null };
}
