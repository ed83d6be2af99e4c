import { metricOf, type Row } from '../../../../core/report/rows.js';
import type { AxisValue } from '../../../../core/sweep/experiment.js';

export interface Sort {
  /** `number`, or `axis:<name>` or `metric:<name>`. */
  readonly key: string;
  readonly descending: boolean;
}

/** @returns a sorted copy; rows without a value come last in both directions, ties keep the sweep's order. */
export function sortRows(rows: readonly Row[], { key, descending }: Sort): Row[] {
  const [kind = '', name = ''] = key.split(':');
  const value = (row: Row): AxisValue => {
    if (kind === 'axis') return row.axes[name] ?? null;
    return kind === 'metric' ? metricOf(row, name) : row.number;
  };
  const turn = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const left = value(a);
    const right = value(b);
    if (left === null || right === null) return left === right ? a.number - b.number : left === null ? 1 : -1;
    return turn * compare(left, right) || a.number - b.number;
  });
}

const names = new Intl.Collator('en', { numeric: true });

function compare(a: AxisValue, b: AxisValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return names.compare(String(a), String(b));
}
