import type { Costs } from './hypervolume.js';
import type { SearchSpace } from './space.js';

/** What is known of a point that was measured. */
export interface Observation {
  readonly position: number;
  readonly digits: Int32Array;
  /**
   * Its cost in each objective (smaller is better), as the mean of its starts; null if it failed or lacks a
   * number.
   */
  readonly costs: Costs | null;
  /** The sum of its violations of constraints, each as a share of the bound; 0 = it meets all of them. */
  readonly violation: number;
  /** Measured so often. */
  readonly starts: number;
  /** Device-seconds that all of its trials took; for a probe, the predicted time of its full measurement. */
  readonly seconds: number;
}

/**
 * Everything that a strategy decides from. A strategy keeps no state of its own, so that a search resumes
 * from a log as if it had never stopped.
 */
export interface History {
  readonly space: SearchSpace;
  /**
   * In the order in which points were first measured; after them those that were only probed, and those that
   * were given up.
   */
  readonly observations: readonly Observation[];
  /** Points that are being measured for the first time. */
  readonly pending: readonly number[];
  /** Whether a point was already chosen: it is measured, pending, or skipped. */
  asked(position: number): boolean;
  /** The prediction for a point before it is measured; null without a model. */
  readonly prior: PriorOf | null;
  /**
   * Seed of the search and its budget of trials (null = open), from which a design computes all its points.
   */
  readonly seed: number;
  readonly trials: number | null;
}

/** @returns the prediction for a point. */
export type PriorOf = (position: number) => Prediction;

export interface Prediction {
  readonly costs: Costs;
  /** Standard deviation of each predicted cost. */
  readonly deviations: Costs;
  /** Probability that measuring it gives no number: 0 to 1. */
  readonly fails: number;
  /**
   * Share of the variance of left-out points that the model explains, as a mean over the objectives: 0 to 1.
   */
  readonly explained: number;
  /** Predicted seconds for measuring it. */
  readonly seconds: number;
}

/** What is known of points on a kind of device before any of them is measured there. */
export interface Forecast {
  /** Where it comes from, or why there is none: a clause. */
  readonly says: string;
  /** null = nothing; of a point null where nothing is predicted of it. */
  readonly predict: ((position: number) => Prediction | null) | null;
}

/** Draws numbers from 0 to less than 1. */
export interface Draws {
  next(): number;
}

/** One way of choosing what to measure next. */
export interface Strategy {
  /** @returns a position that was not chosen yet; null if there is none, or none was found. */
  choose(history: History, draws: Draws): number | null;
}

/** @returns a whole number from 0 to `below` − 1. */
export function drawBelow(draws: Draws, below: number): number {
  return Math.min(below - 1, Math.floor(draws.next() * below));
}

/**
 * Number of random draws that may hit points already chosen, before positions are tried in order from a
 * random one on.
 */
const TRIES = 64;
/**
 * Number of positions that are then tried. In a larger space, it would be a mere accident if no draw had hit
 * a new point.
 */
const WALK = 100_000;

/** @returns a position that was not chosen yet, each with the same probability; null if there is none. */
export function drawNew({ space, asked }: History, draws: Draws): number | null {
  for (let i = 0; i < TRIES; i++) {
    const position = drawBelow(draws, space.count);
    if (!asked(position)) return position;
  }
  const from = drawBelow(draws, space.count);
  for (let i = 0; i < Math.min(space.count, WALK); i++) {
    const position = (from + i) % space.count;
    if (!asked(position)) return position;
  }
  return null;
}
