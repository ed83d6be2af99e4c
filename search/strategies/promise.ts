import type { PriorOf } from '../history.js';
import { ranked } from '../order.js';

/**
 * What the place among the candidates that a prediction gives one adds to its logarithm of densities, from its first place to its last, where
 * the model explains all that it was not shown; less by what it explains less. A prior that fades with the number of observations (π-BO:
 * Hvarfner et al., ICLR 2022) is right where it was given; this one is learned, and says more the more it has seen.
 */
const PREDICTED = 4;
/** What a candidate that is predicted to take e times as long must promise more, as a logarithm. */
const TIME = 0.5;

/** @returns what predictions add to the score of each candidate; 0 without predictions. */
export function promiseOf(
  prior: PriorOf | null,
  candidates: readonly number[],
): (position: number) => number {
  if (prior === null) return () => 0;
  const places = placesBy(prior, candidates);
  return (position) => {
    const { explained, seconds } = prior(position);
    return PREDICTED * explained * places.get(position)! - TIME * Math.log(seconds);
  };
}

/** @returns of each position how good it is thought among them, from 1 of the best to 0. */
export function placesBy(prior: PriorOf, positions: readonly number[]): Map<number, number> {
  const order = ranked(
    positions.map((position) => {
      const { costs } = prior(position);
      return { position, costs, digits: NONE, violation: 0, starts: 0, seconds: 0 };
    }),
  );
  return new Map(order.map(({ position }, i) => [position, 1 - i / Math.max(1, order.length - 1)]));
}

const NONE = new Int32Array();
