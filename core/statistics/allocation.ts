import { studentQuantile } from './distributions.js';
import type { Component, Components } from './nested.js';

/** How a row is measured. */
export interface Plan {
  /** Over all blocks. */
  readonly starts: number;
  /** Blocks that these starts are spread over, evenly. */
  readonly blocks: number;
  /** Repeats of each start. */
  readonly repeats: number;
}

/** Variance of the median of so many normal values, as a multiple of that of their mean: 1 up to two, towards π / 2 for many. */
function medianCost(repeats: number): number {
  // 1.3463 for 3, 1.4339 for 5, 1.4733 for 7 (Hodges & Lehmann 1967); this passes within 1 % of them.
  return repeats <= 2 ? 1 : (Math.PI / 2) * (1 - 0.43 / repeats);
}

/** Standard error of the logarithm of a centre that is measured by this plan. A component that is not known counts 0. */
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

export interface DetectOptions {
  /** Default 0.95. */
  readonly confidence?: number;
  /** Chance that a difference of this size is found. Default 0.8. */
  readonly power?: number;
  /** Comparisons that are read together; Holm's first step asks α / comparisons of the clearest one. Default 1. */
  readonly comparisons?: number;
  /** Degrees of freedom that each row has from others (`pooledSpread`). Default 0. */
  readonly pooledDf?: number;
}

/**
 * The smallest ratio above 1 that a comparison of two rows, each measured by this plan, is likely to call different: the exponential of
 * (t(1 − α / 2) + t(power)) · √2 standard errors (Cohen, "Statistical Power Analysis", 1988, in the form for few values). Degrees of
 * freedom are both rows' less one, which is what Welch's come to on average.
 */
export function detectable(components: Components, plan: Plan, options: DetectOptions = {}): Figure {
  const { confidence = 0.95, power = 0.8, comparisons = 1, pooledDf = 0 } = options;
  if (plan.starts < 2) return unknown('one start: how starts differ is not known');
  if (components.betweenStarts.sd === null) return unknown(components.betweenStarts.reason);
  const df = 2 * (plan.starts - 1 + pooledDf) - 1;
  const errors = studentQuantile(1 - (1 - confidence) / comparisons / 2, df) + studentQuantile(power, df);
  return { value: Math.exp(errors * Math.SQRT2 * standardError(components, plan)), reason: null };
}

/** What measuring costs, in seconds. */
export interface Costs {
  /** One start before its first repeat: process, load, warm-up. */
  readonly startSeconds: number;
  readonly repeatSeconds: number;
}

/**
 * Repeats of each start that make a row's variance smallest for the time it takes: √(cost of a start / cost of a repeat · variance
 * within / variance between starts), rounded up (Kalibera & Jones, ISMM 2013; the same as Cochran, "Sampling Techniques", 1977,
 * §10.6, on sampling in two stages).
 * @param most answer where starts do not differ: then a second one is worth nothing. At least 1.
 */
export function repeatsPerStart(components: Components, costs: Costs, most: number): Figure {
  const { within, betweenStarts } = components;
  if (within.sd === null) return unknown(within.reason);
  if (betweenStarts.sd === null) return unknown(betweenStarts.reason);
  if (within.sd === 0) return { value: 1, reason: null };
  const best = Math.sqrt(costs.startSeconds / costs.repeatSeconds) * (within.sd / betweenStarts.sd);
  return { value: Math.min(most, Math.max(1, Math.ceil(best))), reason: null };
}

/**
 * Starts, each in a block of its own, after which the interval is likely to reach `target` on either side of the centre.
 * @param target relative half width, such as 0.02.
 * @param most where to give up.
 */
export function startsNeeded(
  components: Components,
  repeats: number,
  target: number,
  most: number,
  confidence = 0.95,
): Figure {
  if (components.betweenStarts.sd === null) return unknown(components.betweenStarts.reason);
  for (let starts = MIN_STARTS; starts <= most; starts++) {
    const error = standardError(components, { starts, blocks: starts, repeats });
    if (studentQuantile(0.5 + confidence / 2, starts - 1) * error <= Math.log1p(target)) {
      return { value: starts, reason: null };
    }
  }
  return unknown(`more than ${most} starts`);
}

/** Starts before which no interval is narrow enough: two that happen to agree say nothing. */
export const MIN_STARTS = 3;

/**
 * Starts that follow the first interval that was narrow enough. Stopping at once keeps the accidents: rows whose starts happened to
 * agree. A fixed number of further starts takes that back (Simons, "On the cost of not knowing the variance when making a
 * fixed-width confidence interval for the mean", Annals of Mathematical Statistics 39(6), 1968); decision 0047 has the figures.
 */
const STARTS_AFTER_TARGET = 2;

export interface StartsState {
  /** Worst relative half width over the metrics after one start, two, …; null where there was none. */
  readonly halfWidths: readonly (number | null)[];
  readonly target: number;
  readonly maxStarts: number;
  /** What is left of the budget; null without one. */
  readonly secondsLeft: number | null;
  /** One start with its repeats. */
  readonly secondsPerStart: number;
}

export type StartsDecision = 'continue' | 'interval-narrow' | 'max-starts' | 'time-budget';

/** Decides after each start of a row whether it gets another: not before MIN_STARTS unless the budget is spent. */
export function anotherStart(state: StartsState): StartsDecision {
  const { halfWidths, target, maxStarts, secondsLeft, secondsPerStart } = state;
  const narrow = halfWidths.findIndex((w, i) => i + 1 >= MIN_STARTS && w !== null && w <= target);
  if (narrow >= 0 && halfWidths.length >= narrow + 1 + STARTS_AFTER_TARGET) return 'interval-narrow';
  if (halfWidths.length >= maxStarts) return 'max-starts';
  return secondsLeft !== null && secondsPerStart > secondsLeft ? 'time-budget' : 'continue';
}
