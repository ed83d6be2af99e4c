import type { AxisValue } from '../../core/experiment/experiment.js';
import { type AxisColumn, axisColumns, type FirstSeen } from '../columns.js';
import { compareEntries, type Entry } from './entry.js';

export interface Axes {
  readonly varying: readonly AxisColumn[];
  readonly constant: readonly { readonly name: string; readonly value: AxisValue }[];
}

/**
 * The axes of a report that grows: read off all rows again only when a row brings a value, or shows one
 * earlier.
 */
export class AxisTally {
  #seen: FirstSeen<Entry> = new Map();
  #axes: Axes = { varying: [], constant: [] };
  #stale = true;

  /** An existing row now has another point, or another place. */
  spoil(): void {
    this.#stale = true;
  }

  /**
   * @param order all entries
   * @param come those of them that are new
   * @returns the same object as before unless something has changed
   */
  axesOf(order: readonly Entry[], come: readonly Entry[]): Axes {
    if (!this.#stale && come.every((entry) => this.#known(entry))) return this.#axes;
    this.#stale = false;
    this.#seen = firstSeen(order);
    this.#axes = axisColumns(this.#seen);
    return this.#axes;
  }

  /** Every value of it stands in a row further up: values, and their order, stay. */
  #known({ point, ...entry }: Entry): boolean {
    for (const name of Object.keys(point)) if (!this.#seen.has(name)) return false;
    for (const [name, values] of this.#seen) {
      const first = values.get(point[name]);
      if (first === undefined || compareEntries(first, { point, ...entry }) >= 0) return false;
    }
    return true;
  }
}

/** @returns for each axis its values in the order of the rows, each with the first entry that has it. */
function firstSeen(order: readonly Entry[]): FirstSeen<Entry> {
  const seen: FirstSeen<Entry> = new Map();
  for (const { point } of order) for (const name in point) if (!seen.has(name)) seen.set(name, new Map());
  // An axis that only some rows have (another runner's option) varies too.
  for (const entry of order) {
    for (const [name, values] of seen) {
      const value = entry.point[name];
      if (!values.has(value)) values.set(value, entry);
    }
  }
  return seen;
}
