import { GAP_PERIODS, type Window } from './integrate.js';
import { type CleanSeries, withoutPlateaus } from './series.js';

/** When a counter went back: its driver began anew, and what it had counted is not known. */
export function resetSeconds({ seconds, values }: CleanSeries): number[] {
  return seconds.filter((_, i) => i > 0 && values[i]! < values[i - 1]!);
}

/**
 * The stretches over which a counter was read and stood still for longer than three of its own steps: hung,
 * or not renewed. A counter that is read more often than it moves stands still too, for one step at a time.
 * For counters of energy, which cannot rest: what is switched on draws power.
 * @returns all of it for a counter that never moved; nothing for a single reading.
 */
export function stuckStretches(series: CleanSeries): Window[] {
  const { seconds, values } = series;
  const [first, last] = [seconds[0], seconds.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  if (values.every((value) => value === values[0])) return [{ startSeconds: first, endSeconds: last }];
  const longest = GAP_PERIODS * withoutPlateaus(series).periodSeconds * (1 + 1e-9);
  const found: Window[] = [];
  for (let i = 0, j = 0; i < values.length; i = j + 1) {
    for (j = i; values[j + 1] === values[i]; ) j++;
    const stretch = { startSeconds: seconds[i]!, endSeconds: seconds[j]! };
    if (stretch.endSeconds - stretch.startSeconds > longest) found.push(stretch);
  }
  return found;
}

/** @returns true when the two have more than a moment in common. */
export function overlap(a: Window, b: Window): boolean {
  return Math.min(a.endSeconds, b.endSeconds) > Math.max(a.startSeconds, b.startSeconds);
}
