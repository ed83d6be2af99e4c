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
  /** How far one press of a key goes: a value of an axis, a part of a metric's range. */
  readonly step: number;
  /** What a first press takes beyond where it begins: a value of an axis stands for itself. */
  readonly taken: number;
  textOf(value: number): string;
  numberOf(row: Row): number | null;
}

/** From the lowest value that is kept to the highest. */
export type Range = readonly [low: number, high: number];

/** Presses of a key from one end of a metric's range to the other. */
const METRIC_STEPS = 10;
/** Values of an axis that have a text each; of more only the ends. */
const MOST_TEXTS = 9;

/**
 * @returns the axes that vary and the metrics that were chosen, as lines; what has no number anywhere is left
 *   out.
 */
export function uprightsOf(report: Report, metrics: readonly string[]): Upright[] {
  const axes = report.axes.map((axis): Upright => {
    const order = orderOf(axis);
    const last = order.length - 1;
    const ticks = order
      .map((value, at) => ({ at, text: cellText(axis, value) || axisText(value) }))
      .filter(({ at }) => order.length <= MOST_TEXTS || at === 0 || at === last);
    const key = `axis:${axis.name}`;
    const textOf = (at: number) => {
      const value = order[Math.round(at)] ?? null;
      return cellText(axis, value) || axisText(value);
    };
    return {
      key,
      label: axis.name,
      unit: '',
      low: 0,
      high: last,
      ticks,
      step: 1,
      taken: 0,
      textOf,
      numberOf: numberOf(report, key),
    };
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
      const textOf = (value: number) => `${scaled(value, scale)} ${scale.unit}`.trim();
      const step = (high - low) / METRIC_STEPS;
      return [
        { key, label, unit: scale.unit, low, high, ticks, step, taken: step, textOf, numberOf: number },
      ];
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

/**
 * What a key makes of the kept part of an upright: an arrow takes one value, or a step of a metric, from the
 * end that it comes from, then moves it; with Shift it moves the upper end alone.
 * @param range what is kept; null = all. @returns null for all, undefined for a key that does nothing here.
 */
export function rangeByKey(
  { low, high, step, taken }: Upright,
  range: Range | null,
  key: string,
  shift: boolean,
): Range | null | undefined {
  if (key === 'Escape' || key === 'Delete' || key === 'Backspace') return range === null ? undefined : null;
  const by = key === 'ArrowUp' ? step : key === 'ArrowDown' ? -step : 0;
  if (by === 0) return undefined;
  if (range === null) return by > 0 ? [low, low + taken] : [high - taken, high];
  const [from, to] = range;
  // The ends are met exactly, whatever the sum of the steps is rounded to: a row lies on each of them.
  const reaches = (value: number) => value > high - step / 2;
  if (shift) return [from, reaches(to + by) ? high : Math.max(from + taken, to + by)];
  const length = to - from;
  if (reaches(to + by)) return [high - length, high];
  const start = from + by < low + step / 2 ? low : from + by;
  return [start, start + length];
}

/** @returns what is kept of an upright, in words. */
export function keptText(upright: Upright, range: Range | null): string {
  if (range === null) return 'all';
  const [from, to] = range.map((value) => upright.textOf(value));
  return from === to ? `only ${from}` : `${from} to ${to}`;
}
