import type { AxisValue } from '../../../core/experiment/experiment.js';
import { type Costs, hypervolume, undominated } from '../../../search/hypervolume.js';
import { ABSENT, distanceAmong, type SearchAxis, type SearchSpace } from '../../../search/space.js';

/** An axis that a point has where another axis has one of some values. */
export interface TaskAxis {
  readonly name: string;
  readonly values: readonly AxisValue[];
  /** Left out: every point has it. */
  readonly where?: { readonly axis: string; readonly values: readonly AxisValue[] };
}

/** A search whose every point is known: what one asks for is looked up. */
export interface Task {
  readonly name: string;
  readonly axes: readonly TaskAxis[];
  /** Names of the catalogue, all of them to be as small as they can. */
  readonly metrics: readonly string[];
  /** By the values of the axes as JSON of `[index or -1, …]`. */
  readonly points: ReadonlyMap<string, TaskPoint>;
  /** Standard deviation of what a measurement is off by, as a logarithm; left out: it says what is true. */
  readonly noise?: number;
  /**
   * Trials after which what is covered is judged. Left out: it is judged by the time until shares are
   * covered.
   */
  readonly judgedAfter?: number;
  /** Trials after which a task that is judged by them ends; left out: the last of BUDGETS (replay.ts). */
  readonly trials?: number;
}

export interface TaskPoint {
  readonly digits: readonly number[];
  /** By metric; null = the trial fails. */
  readonly values: readonly number[] | null;
  readonly seconds: number;
  readonly physics: readonly number[] | null;
  /** What a probe says, null where it has no number, and takes. Left out: it is made up (replay.ts). */
  readonly probe?: { readonly values: readonly (number | null)[]; readonly seconds: number };
}

export const keyOf = (digits: ArrayLike<number>): string => JSON.stringify([...(digits as number[])]);

/** @returns all points of some axes. */
export function* product(axes: readonly TaskAxis[]): Generator<number[]> {
  function* from(at: number, chosen: readonly number[]): Generator<number[]> {
    const axis = axes[at];
    if (axis === undefined) {
      yield [...chosen];
      return;
    }
    const { where } = axis;
    const other = where === undefined ? -1 : axes.findIndex(({ name }) => name === where.axis);
    const has =
      where === undefined ||
      (chosen[other]! >= 0 && where.values.includes(axes[other]!.values[chosen[other]!]!));
    if (!has) yield* from(at + 1, [...chosen, ABSENT]);
    else for (let i = 0; i < axis.values.length; i++) yield* from(at + 1, [...chosen, i]);
  }
  yield* from(0, []);
}

/** @returns the space that a search of a task moves in. */
export function spaceOf(task: Task): SearchSpace {
  const keys = [...task.points.keys()];
  const positions = new Map(keys.map((key, i) => [key, i]));
  const digits = [...task.points.values()].map((point) => Int32Array.from(point.digits));
  const axes = task.axes.map(
    ({ name, values }): SearchAxis => ({
      name,
      size: values.length,
      distance: distanceAmong(values.map((value) => [value])),
    }),
  );
  const absent = (chosen: Int32Array) => {
    const fitted = Int32Array.from(chosen);
    for (const [i, { where }] of task.axes.entries()) {
      if (where === undefined) continue;
      const other = task.axes.findIndex(({ name }) => name === where.axis);
      const index = fitted[other]!;
      if (index < 0 || !where.values.includes(task.axes[other]!.values[index]!)) fitted[i] = ABSENT;
    }
    return fitted;
  };
  return {
    count: keys.length,
    axes,
    digitsAt: (position) => digits[position]!,
    positionOf: (chosen) => positions.get(keyOf(absent(chosen))) ?? null,
  };
}

/**
 * How much further than the worst of the grid's front the corner of volumes lies, as a share of the front's
 * range.
 */
const MARGIN = 0.1;

/**
 * How much of what the grid's front covers sets of its points cover, in logarithms of their values, up to a
 * corner just beyond the front's ends.
 */
export class Volume {
  readonly #corner: number[];
  readonly whole: number;

  constructor(task: Task) {
    const values = [...task.points.values()].flatMap((point) =>
      point.values === null ? [] : [point.values],
    );
    const front = undominated(values.map(logarithms));
    this.#corner = task.metrics.map((_, d) => {
      const costs = front.map((costs) => costs[d]!);
      return Math.max(...costs) + MARGIN * (Math.max(...costs) - Math.min(...costs));
    });
    this.whole = this.of(values);
  }

  of(values: readonly Costs[]): number {
    return hypervolume(values.map(logarithms), this.#corner);
  }
}

const logarithms = (values: Costs) => values.map((value) => Math.log(value));
