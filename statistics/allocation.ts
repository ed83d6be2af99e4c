import { studentQuantile } from './distributions.js';
import type { Component, Components } from './nested.js';

/** How a row is measured. */
export interface Plan {
  /** Over all blocks. */
  readonly starts: number;
  /** Number of blocks over which the starts are spread evenly. */
  readonly blocks: number;
  /** Repeats of each start. */
  readonly repeats: number;
}

/**
 * Variance of the median of `n` normal values, as a multiple of the variance of their mean: 1 for one or two
 * values, approaching π / 2 for many.
 */
function medianCost(repeats: number): number {
  // Exact values are 1.3463 for 3, 1.4339 for 5 and 1.4733 for 7 (Hodges & Lehmann 1967); this curve is
  // within 1 % of them.
  return repeats <= 2 ? 1 : (Math.PI / 2) * (1 - 0.43 / repeats);
}

/**
 * Standard error of the logarithm of a row's centre, if it is measured by this plan. An unknown component of
 * variance counts as 0.
 */
export function standardError(components: Components, plan: Plan): number {
  const square = (component: Component) => (component.sd ?? 0) ** 2;
  const ofStart =
    square(components.betweenStarts) + (square(components.within) * medianCost(plan.repeats)) / plan.repeats;
  return Math.sqrt(square(components.betweenBlocks) / plan.blocks + ofStart / plan.starts);
}

/** A number, or why there is none. */
export type Figure =
  | { readonly value: number; readonly reason: null }
  | { readonly value: null; readonly reason: string };

const unknown = (reason: string): Figure => ({ value: null, reason });

/** Probability that a difference of the detectable size is found. */
const POWER = 0.8;

/**
 * The smallest ratio above 1 that a comparison of two rows, each measured by this plan, is likely to call
 * different: the exponential of (t(1 − α / 2) + t(POWER)) · √2 standard errors with α = 0.05 (Cohen,
 * "Statistical Power Analysis", 1988, in the form for few values). Degrees of freedom are those of both rows
 * together less one, which is the average of Welch's.
 */
export function detectable(components: Components, plan: Plan): Figure {
  if (plan.starts < 2) return unknown('one start: how starts differ is not known');
  if (components.betweenStarts.sd === null) return unknown(components.betweenStarts.reason);
  const df = 2 * (plan.starts - 1) - 1;
  const errors = studentQuantile(0.975, df) + studentQuantile(POWER, df);
  return { value: Math.exp(errors * Math.SQRT2 * standardError(components, plan)), reason: null };
}

/**
 * The fewest starts after which an interval may count as narrow enough, since two starts may agree by
 * accident.
 */
const MIN_STARTS = 3;

/**
 * Starts that follow the first interval that was narrow enough. Stopping at once would favour rows whose
 * starts agree by accident. A fixed number of further starts corrects for that (Simons, "On the cost of not
 * knowing the variance when making a fixed-width confidence interval for the mean", Annals of Mathematical
 * Statistics 39(6), 1968): the intervals of simulated rows that were stopped at once contained the true value
 * in 90 % of cases, and two starts later in 94 %.
 */
const STARTS_AFTER_TARGET = 2;

export interface StartsState {
  /** Worst relative half width over the metrics after one start, two, …; null where there was none. */
  readonly halfWidths: readonly (number | null)[];
  readonly target: number;
  readonly maxStarts: number;
}

/** Decides after each start of a row whether it gets another: not before MIN_STARTS. */
export function anotherStart({ halfWidths, target, maxStarts }: StartsState): boolean {
  if (halfWidths.length >= maxStarts) return false;
  const narrow = halfWidths.findIndex((w, i) => i + 1 >= MIN_STARTS && w !== null && w <= target);
  return narrow < 0 || halfWidths.length < narrow + 1 + STARTS_AFTER_TARGET;
}
