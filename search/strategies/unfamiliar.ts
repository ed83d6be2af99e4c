import { type Draws, drawBelow, drawNew, type History, type Observation } from '../history.js';
import { type Nearness, nearnessOf } from '../nearness.js';
import { frontOf, isMeeting } from '../order.js';
import { ABSENT, type SearchSpace } from '../space.js';
import { promiseOf } from './promise.js';

/**
 * One of this many trials explores while the newer half of the points that meet all constraints has less than
 * the share below of the front.
 */
const EXPLORED = 10;
const GROWING = 0.3;

/**
 * Whether the next trial explores, regardless of predictions. Predictions and densities choose first, and
 * continue to choose as long as their points reach the front.
 */
export function explores({ observations, pending }: History): boolean {
  if ((observations.length + pending.length) % EXPLORED !== 0) return false;
  const keeping = observations.filter(isMeeting);
  const front = new Set<Observation>(frontOf(keeping));
  const newest = keeping.slice(Math.ceil(keeping.length / 2)).filter((one) => front.has(one));
  return newest.length < GROWING * Math.max(1, front.size);
}

/** Number of points drawn, and number of the least familiar ones among which predictions choose. */
const DRAWN = 64;
const LEAST = 8;
/** Within this share of an axis, values count as nearly the same. */
const ALIKE = 0.35;

/**
 * Chooses a point whose pairs of values were measured least. An interaction of two settings shows at the
 * first point that has both, however bad each is with other settings, and there are far fewer pairs than
 * points (pairwise testing: Cohen et al., IEEE Trans. Softw. Eng. 23(7), 1997). Points are drawn value by
 * value, so that small grids are drawn as often as large ones. Predictions choose among the least familiar
 * ones.
 */
export function unfamiliar(history: History, draws: Draws): number | null {
  const { space, observations, pending, asked } = history;
  const near = space.axes.map((axis) => nearnessOf(axis, ALIKE));
  const seen = [
    ...observations.map(({ digits }) => digits),
    ...pending.map((position) => space.digitsAt(position)),
  ];
  const novelties = new Map<number, number>();
  for (let i = 0; i < DRAWN; i++) {
    const position = space.positionOf(Int32Array.from(space.axes, ({ size }) => drawBelow(draws, size)));
    if (position === null || asked(position)) continue;
    novelties.set(position, noveltyOf(space, near, seen, space.digitsAt(position)));
  }
  const least = [...novelties].sort((a, b) => b[1] - a[1]).map(([position]) => position);
  const [first, ...others] = least.slice(0, LEAST);
  if (first === undefined) return drawNew(history, draws);
  const promise = promiseOf(history, [first, ...others]);
  return others.reduce((best, one) => (promise(one) > promise(best) ? one : best), first);
}

/**
 * @returns how new a point's pairs of values are on average: 1 if nothing similar to any of them was
 *   measured.
 */
function noveltyOf(
  space: SearchSpace,
  near: readonly Nearness[],
  seen: readonly Int32Array[],
  digits: Int32Array,
): number {
  const present = [...space.axes.keys()].filter((axis) => digits[axis] !== ABSENT);
  // For each axis, how close each measured point is to this value.
  const said = present.map((axis) =>
    Float64Array.from(seen, (other) =>
      other[axis] === ABSENT ? 0 : near[axis]!(other[axis]!, digits[axis]!),
    ),
  );
  let sum = 0;
  let pairs = 0;
  for (const [a, first] of said.entries()) {
    for (const second of said.slice(a + 1)) {
      let measured = 0;
      for (let i = 0; i < first.length; i++) measured += first[i]! * second[i]!;
      sum += 1 / (1 + measured) ** 2;
      pairs += 1;
    }
  }
  return pairs === 0 ? 0 : sum / pairs;
}
