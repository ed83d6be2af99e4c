import type { AxisValue } from '../core/experiment/experiment.js';
import { getOrMake } from '../core/maps.js';
import type { Grid } from '../core/sweep/grid.js';
import type { Space } from '../core/sweep/space.js';

/** Numbers whose largest is more than this many times their smallest are compared by their ratios. */
const WIDE = 4;
/** Of the distance between two words, what their letters make; their numbers make the rest. */
const LETTERS = 0.5;

/** What is compared of a value: letters, and a number where it has one. */
interface Features {
  readonly letters: string;
  readonly number: number | null;
}

/**
 * How far apart the values of an axis are, so that what was measured at one says something of its neighbours: numbers by where they lie
 * between the smallest and the largest (by their logarithms where these are far apart), words by whether their letters are the same and
 * how far apart their numbers are (`q4_0` is nearer to `q5_0` than to `f16`, `wanda:0.5` to `wanda:0.6`).
 * @param values of each value of the axis what it is on each of the axes that walk together.
 * @returns 0 to 1 for each pair, row by row; 0 on the diagonal alone.
 */
export function distancesOf(values: readonly (readonly AxisValue[])[]): Float64Array {
  const size = values.length;
  const distances = new Float64Array(size * size);
  const members = values[0]?.length ?? 0;
  for (let member = 0; member < members; member++) {
    const features = values.map((value) => featuresOf(value[member]!));
    const between = numberDistance(features.map(({ number }) => number));
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const letters = features[i]!.letters === features[j]!.letters ? 0 : 1;
        const hasLetters = features.some((one) => one.letters !== '');
        const distance = hasLetters ? LETTERS * letters + (1 - LETTERS) * between(i, j) : between(i, j);
        distances[i * size + j]! += distance / members;
      }
    }
  }
  return distances;
}

function featuresOf(value: AxisValue): Features {
  if (typeof value === 'number') return { letters: '', number: value };
  if (typeof value === 'boolean' || value === null) return { letters: String(value), number: null };
  const number = /\d+(?:\.\d+)?/.exec(value)?.[0];
  const letters = value.replaceAll(/\d+(?:\.\d+)?/g, '');
  // A size that stands for nothing else: `16`, `0.5`.
  return { letters, number: number === undefined ? null : Number(number) };
}

/** @returns the distance of two of the numbers by their indices; those that are none are at the other end from every number. */
function numberDistance(numbers: readonly (number | null)[]): (i: number, j: number) => number {
  const known = numbers.filter((number) => number !== null);
  const low = Math.min(...known);
  const high = Math.max(...known);
  const place = low > 0 && high > WIDE * low ? Math.log : (number: number) => number;
  const range = place(high) - place(low);
  return (i, j) => {
    const a = numbers[i]!;
    const b = numbers[j]!;
    if (a === null || b === null) return a === b ? 0 : 1;
    return range > 0 ? Math.abs(place(a) - place(b)) / range : 0;
  };
}

/** An axis on which points of a search differ: one of a sweep, several that walk together, or which grid a point belongs to. */
export interface SearchAxis {
  readonly name: string;
  /** Number of its values. */
  readonly size: number;
  /** How far apart two values are, 0 to 1; `distances[i * size + j]`. */
  readonly distances: Float64Array;
}

/** A point has no value of this axis: another runner, workload or entry of the file has it. */
export const ABSENT = -1;

/** The points of a sweep as a search moves among them. */
export interface SearchSpace {
  /** Points; positions are 0 … count - 1. */
  readonly count: number;
  readonly axes: readonly SearchAxis[];
  /** @returns the index of a point's value on each axis, ABSENT where it has none. */
  digitsAt(position: number): Int16Array;
  /** @returns the position of the point with these values, where values of axes that it does not have are ignored; null when none runs. */
  positionOf(digits: Int16Array): number | null;
}

/** An axis over all grids of a sweep. */
interface Gathered {
  readonly name: string;
  /** Each value once, in the order in which it came; values of axes that walk together are one. */
  readonly values: Map<string, readonly AxisValue[]>;
  /** By grid: the dimension that it is there, and the axis's index of each value of the dimension. */
  readonly dimensions: Map<number, { readonly dimension: number; readonly indices: readonly number[] }>;
}

/**
 * @returns the space that a search of a sweep moves in. The first axis says which grid a point is in, where there are several: what other
 * axes it has follows from that (a runner's options, a workload's).
 */
export function searchSpace(space: Space): SearchSpace {
  const gathered = [...gather(space.grids).values()].filter(({ values }) => values.size > 1);
  const grids = space.grids.length;
  const gridAxis: SearchAxis | null =
    grids > 1
      ? { name: 'grid', size: grids, distances: distancesOf(space.grids.map((_, i) => [`${i}`])) }
      : null;
  const first = gridAxis === null ? 0 : 1;
  const axes = [
    ...(gridAxis === null ? [] : [gridAxis]),
    ...gathered.map(({ name, values }) => ({
      name,
      size: values.size,
      distances: distancesOf([...values.values()]),
    })),
  ];
  const dimensionIndex = inverted(gathered);
  return {
    count: space.count,
    axes,
    digitsAt(position) {
      const { grid, indices } = space.locate(position);
      const digits = new Int16Array(axes.length).fill(ABSENT);
      if (gridAxis !== null) digits[0] = grid;
      for (const [i, { dimensions }] of gathered.entries()) {
        const at = dimensions.get(grid);
        if (at !== undefined) digits[first + i] = at.indices[indices[at.dimension]!]!;
      }
      return digits;
    },
    positionOf(digits) {
      const grid = gridAxis === null ? 0 : digits[0]!;
      const indices = new Int32Array(space.grids[grid]!.dimensions.length);
      for (const [i, { dimensions }] of gathered.entries()) {
        const at = dimensions.get(grid);
        if (at === undefined) continue;
        const index = dimensionIndex[i]!.get(grid)!.get(digits[first + i]!);
        if (index === undefined) return null;
        indices[at.dimension] = index;
      }
      return space.positionOf(grid, indices);
    },
  };
}

function gather(grids: readonly Grid[]): Map<string, Gathered> {
  const found = new Map<string, Gathered>();
  for (const [grid, { dimensions }] of grids.entries()) {
    for (const [dimension, { axes, size }] of dimensions.entries()) {
      const name = axes.map((axis) => axis.name).join('+');
      const axis = getOrMake(found, name, () => ({ name, values: new Map(), dimensions: new Map() }));
      const indices = Array.from({ length: size }, (_, index) => {
        const value = axes.map(({ values }) => values[index]!);
        const key = JSON.stringify(value);
        if (!axis.values.has(key)) axis.values.set(key, value);
        return [...axis.values.keys()].indexOf(key);
      });
      axis.dimensions.set(grid, { dimension, indices });
    }
  }
  return found;
}

/** @returns of each axis and grid the index in the grid's dimension by the axis's index. */
function inverted(gathered: readonly Gathered[]): Map<number, Map<number, number>>[] {
  return gathered.map(
    ({ dimensions }) =>
      new Map(
        [...dimensions].map(([grid, { indices }]) => [
          grid,
          new Map(indices.map((value, index) => [value, index])),
        ]),
      ),
  );
}
