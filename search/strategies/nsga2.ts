import { type Draws, drawBelow, drawNew, type History, type Observation, type Strategy } from '../history.js';
import { ranked } from '../order.js';
import { ABSENT } from '../space.js';
import { sobol } from './sobol.js';

/** Points that are parents, at most. */
const POPULATION = 40;
/** Points of the first design. */
const FIRST = 16;
/**
 * On axes where the parents differ, the child takes either value with the same probability. In addition, this
 * many axes on average take a new value.
 */
const MUTATED_AXES = 1;
/** Number of children in a row that may be already chosen, before a point is drawn at random. */
const TRIES = 64;

/**
 * NSGA-II (Deb et al., IEEE Trans. Evol. Comput. 6(2), 2002) one child at a time. Parents are chosen from the
 * best points so far, by binary tournament over front and crowding. Uniform crossover follows, and on average
 * one axis takes another value, more often a near one. Points that violate constraints come after all that
 * meet them (Deb's constrained dominance).
 */
export const nsga2: Strategy = {
  choose(history, draws) {
    const { space, observations, asked } = history;
    if (observations.length < Math.min(FIRST, space.count / 4)) return sobol.choose(history, draws);
    const parents = ranked(observations, POPULATION).slice(0, POPULATION);
    if (parents.length < 2) return sobol.choose(history, draws);
    for (let i = 0; i < TRIES; i++) {
      const digits = crossed(tournament(parents, draws), tournament(parents, draws), draws);
      mutate(digits, history, draws);
      const position = space.positionOf(digits);
      if (position !== null && !asked(position)) return position;
    }
    return drawNew(history, draws);
  },
};

/** The parents come best first. */
function tournament(parents: readonly Observation[], draws: Draws): Observation {
  return parents[Math.min(drawBelow(draws, parents.length), drawBelow(draws, parents.length))]!;
}

function crossed(a: Observation, b: Observation, draws: Draws): Int32Array {
  return a.digits.map((digit, axis) => {
    const other = b.digits[axis]!;
    if (digit === ABSENT) return other;
    if (other === ABSENT) return digit;
    return draws.next() < 0.5 ? digit : other;
  });
}

function mutate(digits: Int32Array, { space }: History, draws: Draws): void {
  for (const [axis, { size, distance }] of space.axes.entries()) {
    const from = digits[axis]!;
    if (from === ABSENT || from >= size) {
      digits[axis] = drawBelow(draws, size);
    } else if (draws.next() < MUTATED_AXES / space.axes.length) {
      const weights = Array.from({ length: size }, (_, to) =>
        to === from ? 0 : 1 / (0.1 + distance(from, to)),
      );
      digits[axis] = drawWeighted(weights, draws);
    }
  }
}

function drawWeighted(weights: readonly number[], draws: Draws): number {
  let left = draws.next() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return i;
  }
  return weights.length - 1;
}
