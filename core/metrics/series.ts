import { median } from '../../statistics/quantile.js';
import type { SampleSeries } from '../result/result.js';

/**
 * Values by which drivers say "no value": NVML's all ones, and DCGM's blanks (dcgm_structs.h: 0x7ffffff0 and
 * up for 32 bits, 2^47 and up for doubles, 0x7ffffffffffffff0 and up for 64 bits, of which
 * 9223372036854775794, "not supported", is the one people meet). As doubles the 64-bit ones are all 2^63;
 * no quantity here gets near 2^62.
 */
const HUGE = 2 ** 62;
const SENTINELS = new Set([
  0xffffffff,
  ...[0x7ffffff0, 2 ** 47].flatMap((blank) => [blank, blank + 1, blank + 2, blank + 3]),
]);

/** @returns true for a number that stands for "no value". */
export function isSentinel(value: number): boolean {
  return !Number.isFinite(value) || Math.abs(value) >= HUGE || SENTINELS.has(value);
}

/** A series that can be integrated: times strictly rise, every value is a value. */
export interface CleanSeries {
  readonly meter: string;
  readonly quantity: string;
  readonly kind: 'gauge' | 'counter';
  /**
   * How finely it resolves time: the source's update period or the usual distance of readings, whichever is
   * longer.
   */
  readonly periodSeconds: number;
  readonly seconds: readonly number[];
  readonly values: readonly number[];
  /** What had to be done: readings without a value, readings at the same time, readings out of order. */
  readonly repairs: { readonly dropped: number; readonly averaged: number; readonly reordered: number };
}

/**
 * Makes a recorded series fit for arithmetic. Sentinels and non-finite numbers are dropped, readings are put
 * in the order of their times, and readings at the same time are averaged (as InferenceX's power audit
 * does).
 */
export function cleanSeries(series: SampleSeries): CleanSeries {
  const { meter, quantity, kind } = series;
  const readings = series.seconds
    .map((t, i) => ({ t, v: series.values[i] ?? Number.NaN }))
    .filter((r) => Number.isFinite(r.t) && !isSentinel(r.v));
  const reordered = readings.filter((r, i) => i > 0 && r.t < readings[i - 1]!.t).length;
  readings.sort((a, b) => a.t - b.t);
  const seconds: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < readings.length; ) {
    const { t } = readings[i]!;
    let sum = 0;
    let count = 0;
    for (; readings[i]?.t === t; i++, count++) sum += readings[i]!.v;
    seconds.push(t);
    values.push(sum / count);
  }
  const repairs = {
    dropped: series.seconds.length - readings.length,
    averaged: readings.length - seconds.length,
    reordered,
  };
  const periodSeconds = resolution(series.periodSeconds, seconds);
  return { meter, quantity, kind, periodSeconds, seconds, values, repairs };
}

/** RAPL moves every millisecond, but read ten times a second it tells no more than ten times a second. */
function resolution(updatePeriodSeconds: number, seconds: readonly number[]): number {
  const distances = seconds.slice(1).map((t, i) => t - seconds[i]!);
  return distances.length === 0 ? updatePeriodSeconds : Math.max(updatePeriodSeconds, median(distances));
}

/** Index of the last time that is ≤ t, or −1. Times rise. */
export function indexAtOrBefore(seconds: readonly number[], t: number): number {
  let low = 0;
  let high = seconds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (seconds[middle]! <= t) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Energy counters are often read more often than they change: a staircase. Keeping the first reading of each
 * step (the moment the new value was seen) and the very last reading turns it into the straight lines that
 * power really draws, and shows the true update period; Zeus finds it the same way. Only for counters that
 * cannot stand still.
 */
export function withoutPlateaus(series: CleanSeries): CleanSeries {
  // One that never moves has no step that could be seen.
  if (series.values.every((value) => value === series.values[0])) return series;
  const last = series.values.length - 1;
  const places = series.values.flatMap((v, i) =>
    i === 0 || i === last || v !== series.values[i - 1] ? [i] : [],
  );
  const seconds = places.map((i) => series.seconds[i]!);
  return {
    ...series,
    periodSeconds: resolution(series.periodSeconds, seconds),
    seconds,
    values: places.map((i) => series.values[i]!),
  };
}
