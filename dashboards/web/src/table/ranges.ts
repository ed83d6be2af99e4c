import type { AxisColumn } from '../../../../report/columns.js';
import { quotedValue } from '../../../../report/quoted.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';

/** From and to, of what `numberOf` says of rows; by `axis:<name>` or `metric:<name>`. */
export type Ranges = Readonly<Record<string, readonly [number, number]>>;

/**
 * @returns the values of an axis in the order of their size where they have one: default, numbers, then as
 *   rows show them.
 */
export function orderOf(axis: AxisColumn): AxisColumn['values'] {
  const rank = (value: AxisColumn['values'][number]) =>
    value === null ? 0 : typeof value === 'number' ? 1 : 2;
  return [...axis.values].sort((a, b) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : rank(a) - rank(b),
  );
}

/**
 * @returns what a row has there as a number: a metric's value, or the place of an axis' value among all; null
 *   = it has none.
 */
export function numberOf(report: Report, key: string): (row: Row) => number | null {
  const [kind, name = ''] = key.split(/:(.*)/s);
  if (kind === 'metric') return (row) => quotedValue(row, name);
  const axis = report.axes.find((one) => one.name === name);
  if (axis === undefined) return () => null;
  const places = new Map(orderOf(axis).map((value, i) => [value, i]));
  return (row) => places.get(row.axes[name] ?? null) ?? null;
}

/** @returns whether a row is in every range. */
export function inRanges(report: Report, ranges: Ranges): (row: Row) => boolean {
  const tests = Object.entries(ranges).map(([key, [low, high]]) => {
    const number = numberOf(report, key);
    return (row: Row) => {
      const value = number(row);
      return value !== null && value >= low && value <= high;
    };
  });
  return (row) => tests.every((test) => test(row));
}
