import type { History, Observation, Prediction, PriorOf } from '../history.js';
import { addedTo, undominated } from '../hypervolume.js';
import { CORNER, isMeeting, ranked, spread, unitScale } from '../order.js';

/**
 * How much a candidate's place by prediction adds to its logarithm of densities, from the first place to the
 * last, if the model explains everything that it was not shown. It adds less if the model explains less.
 */
const PREDICTED = 4;
/**
 * Observations until which that is so. From there on it fades with the square of their number, as a prior
 * does (π-BO: Hvarfner et al., ICLR 2022): densities come to know what a model does not.
 */
const FADES_FROM = 90;
/** What a candidate that is predicted to take e times as long must promise more, as a logarithm. */
const TIME = 0.5;
/**
 * By how many standard deviations of what is not known of a candidate it is taken to be better than
 * predicted.
 */
const HOPE = 1;
/**
 * Points of the front beside which volumes are counted, spread along it: of many objectives, each takes time
 * by a power of their number.
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
 * does not fail and comes out a standard deviation better than predicted (an upper confidence bound of the
 * gain: Ponweiser et al., PPSN X, 2008: SMS-EGO). Candidates that would add nothing are ordered among
 * themselves.
 * @returns the place of each position, from 1 for the best to 0.
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
