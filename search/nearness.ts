import type { SearchAxis } from './space.js';

/** @returns how much a measurement at one value of an axis says about another value, given their indices. */
export type Nearness = (from: number, to: number) => number;

/**
 * @param width as a share of the axis.
 * @returns 1 for equal values, and less the farther apart two values are (a Gaussian). It is computed on
 *   demand, because an axis may have ten thousand values.
 */
export const nearnessOf =
  ({ distance }: SearchAxis, width: number): Nearness =>
  (from, to) =>
    Math.exp(-0.5 * (distance(from, to) / width) ** 2);
