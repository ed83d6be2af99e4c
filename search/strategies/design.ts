import { type Draws, drawNew, type History } from '../history.js';

/**
 * Points of a design that may have been asked for already, or run nowhere, before one is drawn at random
 * instead.
 */
const TRIES = 256;

/**
 * The next point of a design that is laid down beforehand.
 * @param placeAt where on an axis its point of this index lies, 0 to less than 1: values that a sweep lists
 *   share that range evenly.
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
