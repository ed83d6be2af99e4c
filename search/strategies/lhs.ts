import { getOrMake } from '../../core/maps.js';
import { PythonRandom } from '../../statistics/python-random.js';
import { drawBelow, type Strategy } from '../history.js';
import { nextOfDesign } from './design.js';

/** Points of one hypercube if the budget of trials is open; further hypercubes follow. */
const POINTS = 64;

/**
 * Latin hypercubes (McKay, Beckman and Conover, Technometrics 21(2), 1979) with a point for each trial of the
 * budget. Each axis is divided into that many equal parts, and each point takes the middle of a different
 * part. So all values of an axis occur equally often, however many other axes there are.
 */
export const lhs: Strategy = {
  choose(history, draws) {
    const points = Math.min(history.trials ?? POINTS, history.space.count);
    const parts = new Map<string, readonly number[]>();
    return nextOfDesign(history, draws, (index, axis) => {
      const cube = Math.floor(index / points);
      const order = getOrMake(parts, `${cube} ${axis}`, () => shuffled(points, [history.seed, cube, axis]));
      return (order[index % points]! + 0.5) / points;
    });
  },
};

/** @returns the numbers 0 to `count` − 1 in an order that depends on the seeds (Fisher and Yates). */
function shuffled(count: number, [seed, cube, axis]: readonly [number, number, number]): number[] {
  const random = new PythonRandom(
    (seed ^ Math.imul(cube + 1, 0x9e37_79b9) ^ Math.imul(axis + 1, 0x85eb_ca6b)) >>> 0,
  );
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = drawBelow(random, i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
