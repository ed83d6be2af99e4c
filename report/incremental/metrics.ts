import { getOrMake } from '../../core/maps.js';
import { METRICS, metricNamed } from '../../core/metrics/catalogue.js';
import type { ResultRecord } from '../../core/result/result.js';
import { sameItems } from '../../core/same.js';
import type { Objective } from '../../core/sweep/spec.js';
import type { ColumnChoice } from '../column-sets.js';
import { labelOf, type MetricColumn, shownMetrics } from '../columns.js';
import { quotedMetrics } from '../quoted.js';
import { halfOf, sortedScale } from '../scale.js';

/** More new numbers than this are sorted in together; fewer are put in one by one. */
const FEW = 32;

/** Numbers in order, of which some come and go: ten thousand of them are not sorted again for one more. */
export class Sorted {
  #values: number[] = [];
  #fresh: number[] = [];

  add(value: number): void {
    this.#fresh.push(value);
  }

  /** Takes one such number away; does nothing when there is none. */
  remove(value: number): void {
    const values = this.#settled();
    const at = placeOf(values, value);
    if (values[at] === value) values.splice(at, 1);
  }

  /** @returns them, the smallest first; to be read before the next one comes. */
  get values(): readonly number[] {
    return this.#settled();
  }

  #settled(): number[] {
    if (this.#fresh.length > FEW) {
      this.#values = [...Float64Array.from([...this.#values, ...this.#fresh]).sort()];
    } else {
      for (const value of this.#fresh) this.#values.splice(placeOf(this.#values, value), 0, value);
    }
    if (this.#fresh.length > 0) this.#fresh = [];
    return this.#values;
  }
}

/** @returns the place of the first number that is not smaller. */
function placeOf(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Numbers {
  /** Rows with a number, zero or not. */
  count: number;
  /** Magnitudes that are not zero. */
  readonly sizes: Sorted;
  /** Half widths of intervals that are not zero. */
  readonly halves: Sorted;
  /** null = a number has come or gone since. */
  column: MetricColumn | null;
}

const emptyNumbers = (): Numbers => ({ count: 0, sizes: new Sorted(), halves: new Sorted(), column: null });

/**
 * What the columns of metrics are made of, kept while rows come: their scales follow medians and extremes.
 */
export class MetricTally {
  readonly #objectives: readonly Objective[];
  readonly #choice: ColumnChoice | null;
  readonly #shown: ReadonlySet<string>;
  readonly #numbers = new Map<string, Numbers>();
  #columns: readonly MetricColumn[] = [];

  /**
   * @param choice columns the reader asked for, in this order; null = objectives, then what the catalogue
   *   shows
   */
  constructor(objectives: readonly Objective[], choice: ColumnChoice | null) {
    this.#objectives = objectives;
    this.#choice = choice;
    this.#shown = shownMetrics(objectives, choice);
  }

  add(trial: ResultRecord): void {
    for (const [name, { value, interval }] of quotedMetrics({ trial })) {
      const numbers = this.#numbersOf(name);
      numbers.count += 1;
      numbers.column = null;
      if (value !== 0) numbers.sizes.add(Math.abs(value));
      const half = halfOf(interval);
      if (half > 0) numbers.halves.add(half);
    }
  }

  /** All that was added is taken away. */
  clear(): void {
    for (const name of this.#numbers.keys()) this.#numbers.set(name, emptyNumbers());
  }

  remove(trial: ResultRecord): void {
    for (const [name, { value, interval }] of quotedMetrics({ trial })) {
      const numbers = this.#numbersOf(name);
      numbers.count -= 1;
      numbers.column = null;
      numbers.sizes.remove(Math.abs(value));
      numbers.halves.remove(halfOf(interval));
    }
  }

  /**
   * @returns the metrics that have numbers and those of the choice: what is shown first, then in the
   *   catalogue's order. Columns that are as they were are the same objects, and so is their list.
   */
  columns(): readonly MetricColumn[] {
    const names = new Set([...this.#shown, ...METRICS.map((m) => m.name as string)]);
    const columns = [...names].flatMap((name) => this.#column(name) ?? []);
    if (!sameItems(columns, this.#columns)) this.#columns = columns;
    return this.#columns;
  }

  #column(name: string): MetricColumn | null {
    const definition = metricNamed(name);
    const numbers = this.#numbers.get(name);
    const empty = numbers === undefined || numbers.count === 0;
    if (definition === undefined || (empty && this.#choice?.includes(name) !== true)) return null;
    if (numbers?.column) return numbers.column;
    const before = this.#columns.find((column) => column.name === name);
    const objective = this.#objectives.find((o) => o.metric === name);
    const scale = sortedScale(name, numbers?.sizes.values ?? [], numbers?.halves.values ?? []);
    const { unit, divisor, decimals } = scale;
    const same =
      before?.scale.unit === unit && before.scale.divisor === divisor && before.scale.decimals === decimals;
    const column: MetricColumn = same
      ? before
      : {
          name,
          label: labelOf(definition),
          baseUnit: definition.unit,
          better: objective?.better ?? definition.better,
          help: definition.help,
          scale,
          shown: this.#shown.has(name),
          objective: objective !== undefined,
        };
    this.#numbersOf(name).column = column;
    return column;
  }

  #numbersOf(name: string): Numbers {
    return getOrMake(this.#numbers, name, emptyNumbers);
  }
}
