import type { Costs } from './hypervolume.js';
import type { SearchSpace } from './space.js';

/** What is known of a point that was measured. */
export interface Observation {
  readonly position: number;
  readonly digits: Int32Array;
  /**
   * In each objective, smaller being better, the mean of its starts; null where it failed or lacks a number.
   */
  readonly costs: Costs | null;
  /** By how much it misses constraints, each as a share of its bound; 0 = it meets all of them. */
  readonly violation: number;
  /** Measured so often. */
  readonly starts: number;
  /** Device-seconds that all of its trials took; of a probe, what measuring it is thought to take. */
  readonly seconds: number;
}

/**
 * What a strategy decides from: it keeps nothing itself, so that a search goes on from a log as if it had
 * never stopped.
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
  /** Whether a point was asked for: it is measured, pending, or skipped. */
  asked(position: number): boolean;
  /** What is thought of a point before it is measured; null without a prior. */
  readonly prior: PriorOf | null;
  /**
   * Seed of the search, and the trials that it may take, null where that is open: what a design is made of as
   * a whole.
   */
  readonly seed: number;
  readonly trials: number | null;
}

/** @returns what is predicted for a point. */
export type PriorOf = (position: number) => Prediction;

export interface Prediction {
  readonly costs: Costs;
  /** Of each cost, the standard deviation of what is not known of it. */
  readonly deviations: Costs;
  /** Chance that measuring it gives no number: 0 to 1. */
  readonly fails: number;
  /**
   * Of the variance of points that the model was not shown, what it explains, as a mean over the objectives:
   * 0 to 1.
   */
  readonly explained: number;
  /** Seconds that measuring it is thought to take. */
  readonly seconds: number;
}

/** Draws numbers from 0 to less than 1. */
export interface Draws {
  next(): number;
}

/** One way of choosing what to measure next. */
export interface Strategy {
  /** @returns a position that was not asked for yet; null when there is none, or none was found. */
  choose(history: History, draws: Draws): number | null;
}

/** @returns a whole number from 0 to `below` − 1. */
export function drawBelow(draws: Draws, below: number): number {
  return Math.min(below - 1, Math.floor(draws.next() * below));
}

/**
 * Draws that may meet points that were asked for already, before the space is gone through from a random
 * place on.
 */
const TRIES = 64;
/** Positions looked at from there on; in a space so large, draws have met nothing new only by accident. */
const WALK = 100_000;

/** @returns a position that was not asked for, each with the same chance; null when there is none. */
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
