import type { SearchAxis } from '../space.js';

/**
 * @param width as a share of the axis.
 * @returns how much what was measured at one value says of another: 1 of itself, and less the farther apart they are (a Gaussian), row by row.
 */
export const nearnessOf = ({ distances }: SearchAxis, width: number): Float64Array =>
  distances.map((distance) => Math.exp(-0.5 * (distance / width) ** 2));
