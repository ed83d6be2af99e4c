import type { Interval } from '../../statistics/interval.js';

/** @returns a number for a table, to four digits. */
export const fourDigits = (value: number | null): number | null =>
  value === null ? null : Number(value.toPrecision(4));

/** @returns `0.412 to 0.588`. */
export const intervalText = (interval: Interval | null): string | null =>
  interval === null ? null : `${interval[0].toFixed(3)} to ${interval[1].toFixed(3)}`;
