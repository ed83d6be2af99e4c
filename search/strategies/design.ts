import { type Draws, drawNew, type History } from '../history.js';

/**
 * Number of design points in a row that may be already chosen, or impossible, before a point is drawn at
 * random instead.
 */
const TRIES = 256;

/**
 * The next point of a design that is fixed beforehand.
 * @param placeAt the place of a design point on an axis, from 0 to less than 1; the values of the sweep
 *   divide this range evenly.
 */
export function nextOfDesign(
  history: History,
  draws: Draws,
  placeAt: (index: number, axis: number) => number,
): number | null {
  const { space, observations, pending, asked } = history;
  const first = observations.length + pending.length;
  for (let i = 0; i < TRIES; i++) {
    const digits = Int32Array.from(space.axes, ({ size }, axis) =>
      Math.floor(placeAt(first + i, axis) * size),
    );
    const position = space.positionOf(digits);
    if (position !== null && !asked(position)) return position;
  }
  return drawNew(history, draws);
}
