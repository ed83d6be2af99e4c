import { type Bracket, bracketAt } from '../log-grid.js';

/** The nodes of each coordinate, above 0 and ascending. */
export type Grid = readonly (readonly number[])[];

/** A function of several coordinates, known at the nodes of a grid. */
export interface Surface {
  readonly grid: Grid;
  /** At each node; the last coordinate runs fastest. */
  readonly values: Float64Array;
}

export function nodesOf(grid: Grid): number {
  return grid.reduce((product, nodes) => product * nodes.length, 1);
}

/** The nodes around a point and how much each counts: their weights add up to 1. */
export interface Corners {
  readonly indices: Int32Array;
  readonly weights: Float64Array;
}

/** @param point one number above 0 for each coordinate; beyond the ends of the grid it counts as at them. */
export function cornersOf(grid: Grid, point: readonly number[]): Corners {
  const brackets: Bracket[] = grid.map((nodes, axis) => bracketAt(nodes, point[axis]!));
  const size = brackets.reduce((count, { share }) => (share === 0 ? count : 2 * count), 1);
  const indices = new Int32Array(size);
  const weights = new Float64Array(size).fill(1);
  let filled = 1;
  for (const [axis, { low, share }] of brackets.entries()) {
    const { length } = grid[axis]!;
    for (let corner = 0; corner < filled; corner++) indices[corner] = indices[corner]! * length + low;
    if (share === 0) continue;
    for (let corner = 0; corner < filled; corner++) {
      indices[filled + corner] = indices[corner]! + 1;
      weights[filled + corner] = weights[corner]! * share;
      weights[corner] = weights[corner]! * (1 - share);
    }
    filled *= 2;
  }
  return { indices, weights };
}

/** @returns the value at a point: linear between nodes in the logarithms of coordinates, flat beyond them. */
export function valueAt({ grid, values }: Surface, point: readonly number[]): number {
  const { indices, weights } = cornersOf(grid, point);
  let sum = 0;
  for (let corner = 0; corner < indices.length; corner++) sum += weights[corner]! * values[indices[corner]!]!;
  return sum;
}
