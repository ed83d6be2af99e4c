import { pettitt } from './change-point.js';
import type { Interval } from './interval.js';
import { median } from './quantile.js';

/** A chart of individuals: one value at a time, with the limits that chance keeps to. */
export interface ControlChart {
  readonly centre: number;
  readonly sigma: number;
  /** Centre ± 3 sigma. */
  readonly limits: Interval;
  /** Places of values beyond the limits. */
  readonly beyond: readonly number[];
  /** A value since which the level is another; in order. */
  readonly changes: readonly LevelChange[];
}

export interface LevelChange {
  /** Place of the first value of the new level. */
  readonly at: number;
  /** New level less old one, each the median of its part. */
  readonly by: number;
  /** Pettitt's, by as many tests as were made. */
  readonly p: number;
}

/** Fewer values say nothing of what is usual. */
export const FEWEST_CHARTED = 5;
/** Each side of a change; with fewer, a chance of 5 % cannot come out. */
const FEWEST_SIDE = 3;
const CHANCE = 0.05;
const SIGMAS = 3;
/** Median of |x₁ − x₂| of two normal values in standard deviations: √2 · Φ⁻¹(0.75). */
const MEDIAN_RANGE = 0.9538725524;

/**
 * Shewhart's chart of individuals by moving ranges (Montgomery, "Introduction to Statistical Quality
 * Control", §6.4), with the median of the ranges, which a change of level and a single outlier do not widen
 * (§6.4.3). The centre is the median before the first change: the level that later values are held against.
 * Changes by Pettitt's test, again on each side of one that is found (binary segmentation), at 5 % over all
 * tests that this may come to.
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

/** Places where the level changes, with Bonferroni over the segments that may be tested. */
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
