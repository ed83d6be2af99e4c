import { getOrMake } from '../core/maps.js';
import { type Nearness, nearnessOf } from './nearness.js';
import { ABSENT, type SearchAxis } from './space.js';

/**
 * How near a point is to known points, axis by axis. A value is compared with those of the known points when
 * it is first needed, because an axis may have ten thousand values. If a point lacks an axis, that counts as
 * a value that is near no other one, so that points of different grids can still be compared on the axes that
 * they have in common.
 */
export class Neighbours {
  readonly count: number;
  readonly #known: readonly Int32Array[];
  readonly #near: readonly Nearness[];
  readonly #rows: readonly Map<number, Float64Array>[];

  /** @param width of a kernel, as a share of an axis. */
  constructor(axes: readonly SearchAxis[], known: readonly Int32Array[], width: number) {
    this.count = known.length;
    this.#known = known;
    this.#near = axes.map((axis) => nearnessOf(axis, width));
    this.#rows = axes.map(() => new Map());
  }

  /** @returns for each known point, the sum of its nearness on each axis. */
  sums(digits: Int32Array): Float64Array {
    const sums = new Float64Array(this.count);
    for (const [axis, value] of digits.entries()) {
      const row = this.#row(axis, value);
      for (let i = 0; i < sums.length; i++) sums[i]! += row[i]!;
    }
    return sums;
  }

  /**
   * @returns for each known point, the product of its nearness on each axis: a point is near only if it is
   *   near on every axis.
   */
  products(digits: Int32Array): Float64Array {
    const products = new Float64Array(this.count).fill(1);
    for (const [axis, value] of digits.entries()) {
      const row = this.#row(axis, value);
      for (let i = 0; i < products.length; i++) products[i]! *= row[i]!;
    }
    return products;
  }

  #row(axis: number, value: number): Float64Array {
    return getOrMake(this.#rows[axis]!, value, () =>
      Float64Array.from(this.#known, (known) => this.#nearness(axis, known[axis]!, value)),
    );
  }

  #nearness(axis: number, from: number, to: number): number {
    if (from === ABSENT || to === ABSENT) return from === to ? 1 : 0;
    return this.#near[axis]!(from, to);
  }
}
