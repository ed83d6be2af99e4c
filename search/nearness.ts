import type { SearchAxis } from './space.js';

/** @returns how much what was measured at one value of an axis says of another, by their indices. */
export type Nearness = (from: number, to: number) => number;

/**
 * @param width as a share of the axis.
 * @returns 1 of a value itself, and less the farther apart two of them are (a Gaussian). It is worked out
 *   when it is asked for: an axis may have ten thousand values.
 */
export const nearnessOf =
  ({ distance }: SearchAxis, width: number): Nearness =>
  (from, to) =>
    Math.exp(-0.5 * (distance(from, to) / width) ** 2);
