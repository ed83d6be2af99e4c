import { axisText, cellText } from '../../../../report/columns.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';
import { scaled } from '../../../../report/scale.js';
import { numberOf, orderOf } from '../table/ranges.js';

/** One upright line of the plot. */
export interface Upright {
  /** `axis:<name>` or `metric:<name>`, as ranges name it. */
  readonly key: string;
  readonly label: string;
  readonly unit: string;
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
  numberOf(row: Row): number | null;
}

/** Values of an axis that have a text each; of more only the ends. */
const MOST_TEXTS = 9;

/** @returns the axes that vary and the metrics that were chosen, as lines; what has no number anywhere is left out. */
export function uprightsOf(report: Report, metrics: readonly string[]): Upright[] {
  const axes = report.axes.map((axis): Upright => {
    const order = orderOf(axis);
    const last = order.length - 1;
    const ticks = order
      .map((value, at) => ({ at, text: cellText(axis, value) || axisText(value) }))
      .filter(({ at }) => order.length <= MOST_TEXTS || at === 0 || at === last);
    const key = `axis:${axis.name}`;
    return { key, label: axis.name, unit: '', low: 0, high: last, ticks, numberOf: numberOf(report, key) };
  });
  const numbers = report.metrics
    .filter(({ name }) => metrics.includes(name))
    .flatMap(({ name, label, scale }): Upright[] => {
      const key = `metric:${name}`;
      const number = numberOf(report, key);
      let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (const row of report.rows) {
        const value = number(row);
        if (value === null) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      if (low > high) return [];
      const ticks = (low === high ? [low] : [low, high]).map((at) => ({ at, text: scaled(at, scale) }));
      return [{ key, label, unit: scale.unit, low, high, ticks, numberOf: number }];
    });
  return [...axes, ...numbers];
}

/** @returns how high a number stands, 0 to 1. */
export function placeOf({ low, high }: Upright, value: number): number {
  return high === low ? 0.5 : (value - low) / (high - low);
}

/** @returns what stands at a height. */
export function valueAt({ low, high }: Upright, place: number): number {
  return low + place * (high - low);
}
