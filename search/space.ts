import type { AxisValue } from '../core/experiment/experiment.js';
import { getOrMake } from '../core/maps.js';
import type { Grid } from '../core/sweep/grid.js';
import type { Space } from '../core/sweep/space.js';

/**
 * If the largest number of an axis is more than this many times its smallest, numbers are compared by their
 * ratios.
 */
const WIDE = 4;
/**
 * The share of the distance between two words that comes from their letters; the rest comes from their
 * numbers.
 */
const LETTERS = 0.5;

/** The parts of a value that are compared: its letters, and its number if it has one. */
interface Features {
  readonly letters: string;
  readonly number: number | null;
}

/**
 * @returns the distance of two values of an axis, given their indices: from 0 to 1, and 0 only for equal
 *   values.
 */
export type Distance = (from: number, to: number) => number;

/**
 * How far apart the values of an axis are, so that a measurement at one value says something about its
 * neighbours.
 *
 * Numbers are placed between the smallest and the largest, by their logarithms if these are far apart. Words
 * are compared by whether their letters are the same, and by how far apart their numbers are: `q4_0` is
 * nearer to `q5_0` than to `f16`, `wanda:0.5` nearer to `wanda:0.6`. Each distance is computed on demand,
 * because an axis may have ten thousand values, which are too many pairs to store.
 * @param values for each value of the axis, its value on each of the axes that are zipped.
 */
export function distanceAmong(values: readonly (readonly AxisValue[])[]): Distance {
  const members = (values[0] ?? []).map((_, member) =>
    memberDistance(values.map((value) => featuresOf(value[member]!))),
  );
  const [only] = members;
  if (members.length === 1) return only!;
  return (from, to) => members.reduce((sum, distance) => sum + distance(from, to) / members.length, 0);
}

function memberDistance(features: readonly Features[]): Distance {
  const between = numberDistance(features.map(({ number }) => number));
  if (features.every(({ letters }) => letters === '')) return between;
  const letters = features.map((one) => one.letters);
  return (from, to) => LETTERS * (letters[from] === letters[to] ? 0 : 1) + (1 - LETTERS) * between(from, to);
}

function featuresOf(value: AxisValue): Features {
  if (typeof value === 'number') return { letters: '', number: value };
  if (typeof value === 'boolean' || value === null) return { letters: String(value), number: null };
  const number = /\d+(?:\.\d+)?/.exec(value)?.[0];
  const letters = value.replaceAll(/\d+(?:\.\d+)?/g, '');
  // The value is only a number, such as `16` or `0.5`.
  return { letters, number: number === undefined ? null : Number(number) };
}

/** Values without a number are at the largest distance from every number. */
function numberDistance(numbers: readonly (number | null)[]): Distance {
  const [low, high] = boundsOf(numbers);
  const place = low > 0 && high > WIDE * low ? Math.log : (number: number) => number;
  const range = place(high) - place(low);
  const places = Float64Array.from(numbers, (number) => (number === null ? Number.NaN : place(number)));
  return (from, to) => {
    const a = places[from]!;
    const b = places[to]!;
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) === Number.isNaN(b) ? 0 : 1;
    return range > 0 ? Math.abs(a - b) / range : 0;
  };
}

function boundsOf(numbers: readonly (number | null)[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const number of numbers) {
    if (number === null) continue;
    low = Math.min(low, number);
    high = Math.max(high, number);
  }
  return [low, high];
}

/**
 * An axis on which points of a search differ: one of the sweep's axes, several zipped ones, or the grid that
 * a point belongs to.
 */
export interface SearchAxis {
  readonly name: string;
  /** Number of its values. */
  readonly size: number;
  readonly distance: Distance;
}

/**
 * The point has no value on this axis, because the axis belongs to another runner, workload or entry of the
 * file.
 */
export const ABSENT = -1;

/** The points of a sweep as a search moves among them. */
export interface SearchSpace {
  /** Points; positions are 0 … count - 1. */
  readonly count: number;
  readonly axes: readonly SearchAxis[];
  /** @returns the index of a point's value on each axis; ABSENT if it has none. */
  digitsAt(position: number): Int32Array;
  /**
   * @returns the position of the point with these values; values of axes that the point does not have are
   *   ignored. Null if there is no such point that can run.
   */
  positionOf(digits: Int32Array): number | null;
}

/** An axis over all grids of a sweep. */
interface Gathered {
  readonly name: string;
  /** The distinct values, in the order of the file; values of zipped axes count as one. */
  readonly values: readonly (readonly AxisValue[])[];
  /** For each grid, the dimension of this axis and the places of its values. */
  readonly dimensions: ReadonlyMap<number, { readonly dimension: number; readonly places: Places }>;
}

/**
 * The index of each value of a dimension among the values of its axis. Grids that share their lists of values
 * share this, too.
 */
interface Places {
  /** For each value of the dimension, its index on the axis. */
  readonly indices: Int32Array;
  /** The other way round. */
  readonly back: ReadonlyMap<number, number>;
}

/**
 * @returns the space of a search. If the sweep has several grids, the first axis is the grid of a point,
 *   because the grid determines which other axes the point has (the options of its runner and workload).
 */
export function searchSpace(space: Space): SearchSpace {
  const gathered = gather(space.grids).filter(({ values }) => values.length > 1);
  const grids = space.grids.length;
  const gridAxis: SearchAxis | null =
    grids > 1
      ? { name: 'grid', size: grids, distance: distanceAmong(space.grids.map((_, i) => [`${i}`])) }
      : null;
  const first = gridAxis === null ? 0 : 1;
  const axes = [
    ...(gridAxis === null ? [] : [gridAxis]),
    ...gathered.map(({ name, values }) => ({
      name,
      size: values.length,
      distance: distanceAmong(values),
    })),
  ];
  return {
    count: space.count,
    axes,
    digitsAt(position) {
      const { grid, indices } = space.locate(position);
      const digits = new Int32Array(axes.length).fill(ABSENT);
      if (gridAxis !== null) digits[0] = grid;
      for (const [i, { dimensions }] of gathered.entries()) {
        const at = dimensions.get(grid);
        if (at !== undefined) digits[first + i] = at.places.indices[indices[at.dimension]!]!;
      }
      return digits;
    },
    positionOf(digits) {
      const grid = gridAxis === null ? 0 : digits[0]!;
      const indices = new Int32Array(space.grids[grid]!.dimensions.length);
      for (const [i, { dimensions }] of gathered.entries()) {
        const at = dimensions.get(grid);
        if (at === undefined) continue;
        const index = at.places.back.get(digits[first + i]!);
        if (index === undefined) return null;
        indices[at.dimension] = index;
      }
      return space.positionOf(grid, indices);
    },
  };
}

function gather(grids: readonly Grid[]): Gathered[] {
  const found = new Map<string, Gathering>();
  for (const [grid, { dimensions }] of grids.entries()) {
    for (const [dimension, { axes }] of dimensions.entries()) {
      const name = axes.map((axis) => axis.name).join('+');
      getOrMake(found, name, () => new Gathering(name)).add(grid, dimension, axes);
    }
  }
  return [...found.values()];
}

/** Collects an axis from the grids of a sweep; each list of values is read once. */
class Gathering implements Gathered {
  readonly name: string;
  readonly values: (readonly AxisValue[])[] = [];
  readonly dimensions = new Map<number, { readonly dimension: number; readonly places: Places }>();
  readonly #indexOf = new Map<string | number, number>();
  readonly #lists: { readonly lists: readonly (readonly AxisValue[])[]; readonly places: Places }[] = [];

  constructor(name: string) {
    this.name = name;
  }

  add(grid: number, dimension: number, axes: Grid['dimensions'][number]['axes']): void {
    const lists = axes.map(({ values }) => values);
    let known = this.#lists.find((one) => one.lists.every((list, i) => list === lists[i]));
    if (known === undefined) {
      known = { lists, places: this.#placesOf(lists) };
      this.#lists.push(known);
    }
    this.dimensions.set(grid, { dimension, places: known.places });
  }

  #placesOf(lists: readonly (readonly AxisValue[])[]): Places {
    const indices = Int32Array.from(lists[0] ?? [], (_, index) => {
      const value = lists.map((list) => list[index]!);
      // Most axes have only numbers, which can be keys as they are; writing each as JSON would take time.
      const [only] = value;
      const key = value.length === 1 && typeof only === 'number' ? only : JSON.stringify(value);
      return getOrMake(this.#indexOf, key, () => this.values.push(value) - 1);
    });
    return { indices, back: new Map(Array.from(indices, (place, index) => [place, index])) };
  }
}
