import type { WarningCode } from '../result/warnings.js';
import { type CleanSeries, indexAtOrBefore } from './series.js';

/** A stretch of the trial's clock. */
export interface Window {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/**
 * A number over a window, or why there is none, with the code of what is wrong with the readings.
 * `gapSeconds` is set where readings were too far apart.
 */
export type Reading =
  | { readonly value: number; readonly gapSeconds: number | null }
  | { readonly value: null; readonly reason: string; readonly code?: WarningCode };

/** Readings further apart than this many periods are a gap. */
export const GAP_PERIODS = 3;
/** A window shorter than this many update periods of a source is dominated by its two edges. */
export const SHORT_WINDOW_PERIODS = 20;

const missing = (reason: string, code?: WarningCode): Reading => ({
  value: null,
  reason,
  ...(code !== undefined && { code }),
});
const secondsText = (t: number) => `${t.toFixed(3)} s`;

/** Value at time t by linear interpolation between neighbours; null outside the readings. */
function interpolate(series: CleanSeries, t: number): number | null {
  const { seconds, values } = series;
  const i = indexAtOrBefore(seconds, t);
  if (i < 0) return null;
  const [t0, v0] = [seconds[i]!, values[i]!];
  if (t === t0) return v0;
  const t1 = seconds[i + 1];
  if (t1 === undefined) return null;
  return v0 + ((t - t0) / (t1 - t0)) * (values[i + 1]! - v0);
}

/**
 * Why the window cannot be integrated, or null when readings lie at or before its start and at or after its
 * end.
 */
function notBracketed(series: CleanSeries, window: Window): string | null {
  const { seconds, quantity } = series;
  const [first, last] = [seconds[0], seconds.at(-1)];
  if (!(window.endSeconds > window.startSeconds)) return 'the window has no length';
  if (first === undefined || last === undefined) return `${quantity} has no readings`;
  if (first > window.startSeconds) {
    return `${quantity} begins at ${secondsText(first)}, after the window (${secondsText(window.startSeconds)})`;
  }
  if (last < window.endSeconds) {
    return `${quantity} ends at ${secondsText(last)}, before the window does (${secondsText(window.endSeconds)})`;
  }
  return null;
}

/** Longest distance between neighbours among readings i..j, if it is more than three periods. */
function longestGap(series: CleanSeries, from: number, to: number): number | null {
  let longest = 0;
  for (let i = from; i < to; i++) longest = Math.max(longest, series.seconds[i + 1]! - series.seconds[i]!);
  return longest > GAP_PERIODS * series.periodSeconds * (1 + 1e-9) ? longest : null;
}

/** Indices of the readings that bracket the window: at or before its start, at or after its end. */
function brackets({ seconds }: CleanSeries, window: Window): [number, number] {
  const before = indexAtOrBefore(seconds, window.startSeconds);
  const inside = indexAtOrBefore(seconds, window.endSeconds);
  return [before, seconds[inside] === window.endSeconds ? inside : inside + 1];
}

/**
 * Growth of a counter over the window, with linear interpolation at both edges. A gap matters only where an
 * edge falls into it: in between a counter forgets nothing. A counter that went back was reset, and what it
 * lost is not known.
 */
export function counterDifference(series: CleanSeries, window: Window): Reading {
  const reason = notBracketed(series, window);
  if (reason !== null) return missing(reason, 'meter-uncovered');
  const [from, to] = brackets(series, window);
  for (let i = from; i < to; i++) {
    if (series.values[i + 1]! < series.values[i]!) {
      const when = secondsText(series.seconds[i + 1]!);
      return missing(`${series.quantity} was reset at ${when}, inside the window`, 'counter-reset');
    }
  }
  const gaps = [longestGap(series, from, from + 1), longestGap(series, to - 1, to)].filter((g) => g !== null);
  return {
    value: interpolate(series, window.endSeconds)! - interpolate(series, window.startSeconds)!,
    gapSeconds: gaps.length === 0 ? null : Math.max(...gaps),
  };
}

/** Integral of a gauge over the window by trapezoids, its edges interpolated: watts become joules. */
export function gaugeIntegral(series: CleanSeries, window: Window): Reading {
  const reason = notBracketed(series, window);
  if (reason !== null) return missing(reason, 'meter-uncovered');
  const [from, to] = brackets(series, window);
  let area = 0;
  for (let i = from; i < to; i++) {
    const start = Math.max(series.seconds[i]!, window.startSeconds);
    const end = Math.min(series.seconds[i + 1]!, window.endSeconds);
    area += ((interpolate(series, start)! + interpolate(series, end)!) / 2) * (end - start);
  }
  return { value: area, gapSeconds: longestGap(series, from, to) };
}

/** Time-weighted mean of a gauge over the window. */
export function gaugeMean(series: CleanSeries, window: Window): Reading {
  const area = gaugeIntegral(series, window);
  if (area.value === null) return area;
  return { ...area, value: area.value / (window.endSeconds - window.startSeconds) };
}

/** Largest reading inside the window (edges included), without interpolation; needs at least one. */
export function gaugeMax(series: CleanSeries, window: Window): Reading {
  const inside = readingsInside(series, window);
  if (inside.length === 0) return missing(`${series.quantity} has no reading inside the window`);
  return { value: inside.reduce((max, v) => Math.max(max, v), -Infinity), gapSeconds: null };
}

/** The values read inside the window, edges included. */
export function readingsInside(series: CleanSeries, window: Window): readonly number[] {
  const { seconds } = series;
  const before = indexAtOrBefore(seconds, window.startSeconds);
  const first = seconds[before] === window.startSeconds ? before : before + 1;
  return series.values.slice(first, indexAtOrBefore(seconds, window.endSeconds) + 1);
}

/** The part of the window that every series covers, or null when that is nothing. */
export function coveredPart(window: Window, all: readonly CleanSeries[]): Window | null {
  let { startSeconds, endSeconds } = window;
  for (const { seconds } of all) {
    startSeconds = Math.max(startSeconds, seconds[0] ?? Infinity);
    endSeconds = Math.min(endSeconds, seconds.at(-1) ?? -Infinity);
  }
  return endSeconds > startSeconds ? { startSeconds, endSeconds } : null;
}
