import { coveredPart, type Reading, type Window } from '../core/metrics/integrate.js';
import type { CleanSeries } from '../core/metrics/series.js';

/**
 * Readings may miss this share of the measured span and still stand for all of it, because the process ends
 * before its last reading is due.
 */
const MAX_UNCOVERED = 0.2;

/** @returns true when the readings span at least 80 % of the window. */
export function coversMost(series: CleanSeries, window: Window): boolean {
  const part = coveredPart(window, [series]);
  const length = (w: Window) => w.endSeconds - w.startSeconds;
  return part !== null && length(part) >= (1 - MAX_UNCOVERED) * length(window);
}

/** A reading over the part of the window that the series covers, if that is most of it. */
export function spanReading(
  series: CleanSeries | undefined,
  window: Window | null,
  absent: string,
  measure: (series: CleanSeries, window: Window) => Reading,
): Reading {
  if (series === undefined) return { value: null, reason: absent };
  if (window === null) return { value: null, reason: 'nothing was measured' };
  const part = coveredPart(window, [series]);
  if (part === null || !coversMost(series, window)) {
    return { value: null, reason: `${series.quantity} covers too little of the measured part` };
  }
  return measure(series, part);
}
