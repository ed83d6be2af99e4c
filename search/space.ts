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
 * @returns how far apart two values of an axis are by their indices: 0 to 1, and 0 of a value and itself
 *   alone.
 */
export type Distance = (from: number, to: number) => number;

/**
 * How far apart the values of an axis are, so that a measurement at one says something of its neighbours.
 *
 * Numbers are placed between the smallest and the largest, by their logarithms if these are far apart. Words
 * are compared by whether their letters are the same, and by how far apart their numbers are: `q4_0` is
 * nearer to `q5_0` than to `f16`, `wanda:0.5` nearer to `wanda:0.6`. Each distance is computed when it is
 * asked for: an axis may have ten thousand values, and their pairs are too many to keep.
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
  // A size that stands for nothing else: `16`, `0.5`.
  return { letters, number: number === undefined ? null : Number(number) };
}

/** Those that are no number are at the other end from every number. */
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
 * An axis on which points of a search differ: one of a sweep, several that walk together, or which grid a
 * point belongs to.
 */
export interface SearchAxis {
  readonly name: string;
  /** Number of its values. */
  readonly size: number;
  readonly distance: Distance;
}

/** A point has no value of this axis: another runner, workload or entry of the file has it. */
export const ABSENT = -1;

/** The points of a sweep as a search moves among them. */
export interface SearchSpace {
  /** Points; positions are 0 … count - 1. */
  readonly count: number;
  readonly axes: readonly SearchAxis[];
  /** @returns the index of a point's value on each axis, ABSENT where it has none. */
  digitsAt(position: number): Int32Array;
  /**
   * @returns the position of the point with these values, where values of axes that it does not have are
   *   ignored; null when none runs.
   */
  positionOf(digits: Int32Array): number | null;
}

/** An axis over all grids of a sweep. */
interface Gathered {
  readonly name: string;
  /** Each value once, in the order in which it came; values of axes that walk together are one. */
  readonly values: readonly (readonly AxisValue[])[];
  /** By grid: the dimension that it is there, and where its values stand. */
  readonly dimensions: ReadonlyMap<number, { readonly dimension: number; readonly places: Places }>;
}

/**
 * Where the values of a dimension stand among those of its axis. Grids that share their lists of values share
 * this, too.
 */
interface Places {
  /** Of each value of the dimension its index on the axis. */
  readonly indices: Int32Array;
  /** The other way round. */
  readonly back: ReadonlyMap<number, number>;
}

/**
 * @returns the space that a search of a sweep moves in. The first axis says which grid a point is in, where
 *   there are several: what other axes it has follows from that (a runner's options, a workload's).
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

/** Collects an axis from the grids of a sweep, each list of values once. */
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
      // Most axes are numbers alone, which are keys as they are: writing each as JSON takes time.
      const [only] = value;
      const key = value.length === 1 && typeof only === 'number' ? only : JSON.stringify(value);
      return getOrMake(this.#indexOf, key, () => this.values.push(value) - 1);
    });
    return { indices, back: new Map(Array.from(indices, (place, index) => [place, index])) };
  }
}
