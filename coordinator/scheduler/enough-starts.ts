import { SETTLING_METRICS, type SettlingValues } from '../../core/metrics/settling.js';
import { anotherStart } from '../../statistics/allocation.js';
import { tInterval } from '../../statistics/interval.js';
import type { SweepView } from './view.js';

/** What the starts of a point said, oldest first. */
export interface StartValues {
  readonly values: SettlingValues[];
  /** After one start, two, …: `widestHalf` of the starts up to there. */
  readonly halfWidths: (number | null)[];
}

/**
 * @param said null where the sweep asks for a fixed number of starts.
 * @returns whether a point with so many valid starts needs no other one.
 */
export function hasEnoughStarts(
  { startsPolicy, measure }: Pick<SweepView, 'startsPolicy' | 'measure'>,
  starts: number,
  said: StartValues | null,
): boolean {
  if (starts < startsPolicy.starts) return false;
  const { maxStarts } = startsPolicy;
  if (starts >= maxStarts || said === null) return true;
  return !anotherStart({ halfWidths: said.halfWidths, target: measure.halfWidth, maxStarts });
}

/**
 * Half width of the widest interval over these starts (Student's t of their logarithms, as they were
 * measured), as a share of its centre. Starts whose values are not known are left out.
 * @returns null where a metric has no interval.
 */
export function widestHalf(starts: readonly SettlingValues[], confidence: number): number | null {
  const telling = starts.filter((values) => Object.keys(values).length > 0);
  const widths = SETTLING_METRICS.flatMap((metric) => {
    const values = telling.flatMap((start) => start[metric] ?? []);
    if (values.length === 0) return [];
    if (values.length < telling.length) return [null];
    const interval = tInterval(values.map(Math.log), confidence);
    return [interval === null ? null : Math.sinh((interval[1] - interval[0]) / 2)];
  });
  return widths.length === 0 || widths.includes(null) ? null : Math.max(...widths.map((w) => w ?? 0));
}
