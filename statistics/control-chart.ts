import { pettitt } from './change-point.js';
import type { Interval } from './interval.js';
import { median } from './quantile.js';

/** A chart of individual values, with limits that values exceed only rarely by chance. */
export interface ControlChart {
  readonly centre: number;
  readonly sigma: number;
  /** Centre ± 3 sigma. */
  readonly limits: Interval;
  /** Indices of values beyond the limits. */
  readonly beyond: readonly number[];
  /** Changes of level, in order of time. */
  readonly changes: readonly LevelChange[];
}

export interface LevelChange {
  /** Index of the first value of the new level. */
  readonly at: number;
  /** New level minus old level, each the median of its segment. */
  readonly by: number;
  /** Pettitt's p value, multiplied by the number of tests. */
  readonly p: number;
}

/** With fewer values, the usual spread is unknown. */
export const FEWEST_CHARTED = 5;
/** The fewest values on each side of a change; with fewer, p can never fall below 5 %. */
const FEWEST_SIDE = 3;
const CHANCE = 0.05;
const SIGMAS = 3;
/** Median of |x₁ − x₂| of two normal values in standard deviations: √2 · Φ⁻¹(0.75). */
const MEDIAN_RANGE = 0.9538725524;

/**
 * Shewhart's chart of individuals by moving ranges (Montgomery, "Introduction to Statistical Quality
 * Control", §6.4), with the median of the ranges, which neither a change of level nor a single outlier widens
 * (§6.4.3). The centre is the median before the first change, so that later values are compared with the
 * original level. Changes are found by Pettitt's test, which is repeated on each side of a change (binary
 * segmentation), at 5 % over all possible tests together.
 * @returns null for fewer than five values.
 */
export function controlChart(values: readonly number[]): ControlChart | null {
  if (values.length < FEWEST_CHARTED) return null;
  const changes = levelChanges(values);
  const ranges = values.slice(1).map((value, i) => Math.abs(value - values[i]!));
  const sigma = median(ranges) / MEDIAN_RANGE;
  const centre = median(values.slice(0, changes[0]?.at ?? values.length));
  const limits: Interval = [centre - SIGMAS * sigma, centre + SIGMAS * sigma];
  const beyond = values.flatMap((value, i) => (value < limits[0] || value > limits[1] ? [i] : []));
  return { centre, sigma, limits, beyond, changes };
}

/** Indices at which the level changes, with Bonferroni's correction for the segments that may be tested. */
function levelChanges(values: readonly number[]): LevelChange[] {
  const tests = Math.max(1, Math.floor(values.length / FEWEST_SIDE) - 1);
  const places: { at: number; p: number }[] = [];
  const split = (from: number, to: number) => {
    const found = pettitt(values.slice(from, to));
    if (found === null || found.before < FEWEST_SIDE || to - from - found.before < FEWEST_SIDE) return;
    const p = Math.min(1, found.p * tests);
    if (p >= CHANCE) return;
    const at = from + found.before;
    split(from, at);
    places.push({ at, p });
    split(at, to);
  };
  split(0, values.length);
  return places.map(({ at, p }, i) => {
    const before = values.slice(places[i - 1]?.at ?? 0, at);
    const after = values.slice(at, places[i + 1]?.at ?? values.length);
    return { at, p, by: median(after) - median(before) };
  });
}
