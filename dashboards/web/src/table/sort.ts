import type { AxisValue } from '../../../../core/experiment/experiment.js';
import { quotedValue } from '../../../../report/quoted.js';
import type { Row } from '../../../../report/rows.js';

export interface Sort {
  /** `number`, or `axis:<name>` or `metric:<name>`. */
  readonly key: string;
  readonly descending: boolean;
}

/** @returns a sorted copy; rows without a value come last in both directions, ties keep the sweep's order. */
export function sortRows(rows: readonly Row[], { key, descending }: Sort): Row[] {
  const [kind = '', name = ''] = key.split(':');
  const turn = descending ? -1 : 1;
  // The order that rows are in already, or nearly.
  if (kind === 'number') return [...rows].sort((a, b) => turn * (a.number - b.number));
  const valued = rows.map((row): { row: Row; value: AxisValue } => ({
    row,
    value: kind === 'axis' ? (row.axes[name] ?? null) : quotedValue(row, name),
  }));
  return valued
    .sort(({ row: a, value: left }, { row: b, value: right }) => {
      if (left === null || right === null)
        return left === right ? a.number - b.number : left === null ? 1 : -1;
      return turn * compare(left, right) || a.number - b.number;
    })
    .map(({ row }) => row);
}

const names = new Intl.Collator('en', { numeric: true });

function compare(a: AxisValue, b: AxisValue): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return names.compare(String(a), String(b));
}
