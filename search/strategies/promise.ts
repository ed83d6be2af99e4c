import type { History, Observation, Prediction, PriorOf } from '../history.js';
import { addedTo, undominated } from '../hypervolume.js';
import { CORNER, isMeeting, ranked, spread, unitScale } from '../order.js';

/**
 * How much the predicted rank of a candidate adds to its logarithm of densities, between the last and the
 * first rank, if the model explains all of the variance of left-out points. It adds less if the model
 * explains less.
 */
const PREDICTED = 4;
/**
 * Up to this number of observations predictions have their full weight. From there on the weight falls with
 * the square of the number, as that of a prior does (π-BO: Hvarfner et al., ICLR 2022), because densities
 * then contain more than the model.
 */
const FADES_FROM = 90;
/** How much more a candidate must promise, as a logarithm, if it is predicted to take e times as long. */
const TIME = 0.5;
/**
 * A candidate is assumed to be better than predicted by this many standard deviations.
 */
const HOPE = 1;
/**
 * The number of points of the front, spread along it, from which volumes are computed. With many objectives,
 * the time grows with a power of their number.
 */
const MOST_OF_FRONT = 64;

/** @returns what predictions add to the score of each candidate; 0 without predictions. */
export function promiseOf(
  { prior, observations }: Pick<History, 'prior' | 'observations'>,
  candidates: readonly number[],
): (position: number) => number {
  if (prior === null) return () => 0;
  const weight = PREDICTED * Math.min(1, FADES_FROM / Math.max(1, observations.length)) ** 2;
  const places = placesBy(prior, observations, candidates);
  return (position) => {
    const { explained, fails, seconds } = prior(position);
    return weight * explained * (1 - fails) * places.get(position)! - TIME * Math.log(seconds);
  };
}

/**
 * Orders candidates by the volume that each is expected to add under the front of the measured points, if it
 * does not fail and is a standard deviation better than predicted (an upper confidence bound of the gain:
 * Ponweiser et al., PPSN X, 2008: SMS-EGO). Candidates that would add nothing are ordered among themselves.
 * @returns the rank of each position, scaled from 1 for the best to 0.
 */
function placesBy(
  prior: PriorOf,
  observations: readonly Observation[],
  positions: readonly number[],
): Map<number, number> {
  const known = observations.filter(isMeeting);
  const scaled = unitScale(known);
  const whole = undominated(known.map(({ costs }) => scaled(costs)));
  const front = spread(whole, MOST_OF_FRONT);
  const corner = (front[0] ?? []).map(() => CORNER);
  const gains = new Map<number, number>();
  const candidates = positions.map((position) => {
    const prediction = prior(position);
    const costs = hopedFor(prediction);
    gains.set(
      position,
      known.length === 0 ? 0 : (1 - prediction.fails) * addedTo(front, scaled(costs), corner),
    );
    return { position, costs, digits: NONE, violation: 0, starts: 0, seconds: 0 };
  });
  const order = ranked(candidates).sort((a, b) => gains.get(b.position)! - gains.get(a.position)!);
  return new Map(order.map(({ position }, i) => [position, 1 - i / Math.max(1, order.length - 1)]));
}

const hopedFor = ({ costs, deviations }: Prediction) => costs.map((cost, d) => cost - HOPE * deviations[d]!);

const NONE = new Int32Array();
