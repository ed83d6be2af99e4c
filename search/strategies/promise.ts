import type { History, PriorOf } from '../history.js';
import { ranked } from '../order.js';

/**
 * What the place among the candidates that a prediction gives one adds to its logarithm of densities, from its first place to its last, where
 * the model explains all that it was not shown; less by what it explains less.
 */
const PREDICTED = 4;
/**
 * Observations until which that is so. From there on it fades with the square of their number, as a prior does (π-BO: Hvarfner et al., ICLR 2022):
 * densities come to know what a model of single values cannot say.
 */
const FADES_FROM = 90;
/** What a candidate that is predicted to take e times as long must promise more, as a logarithm. */
const TIME = 0.5;

/** @returns what predictions add to the score of each candidate; 0 without predictions. */
export function promiseOf(
  { prior, observations }: Pick<History, 'prior' | 'observations'>,
  candidates: readonly number[],
): (position: number) => number {
  if (prior === null) return () => 0;
  const weight = PREDICTED * Math.min(1, FADES_FROM / Math.max(1, observations.length)) ** 2;
  const places = placesBy(prior, candidates);
  return (position) => {
    const { explained, seconds } = prior(position);
    return weight * explained * places.get(position)! - TIME * Math.log(seconds);
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
