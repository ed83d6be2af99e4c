import { Histogram } from 'prom-client';
import { getOrMake } from '../../core/maps.js';
import type { CoordinatorMetric } from '../../core/metrics/exported.js';
import type { Labels } from '../../core/metrics/families.js';
import { type MetricRegistry, settings } from './defined.js';

/** What one set of labels holds. */
export interface Series {
  readonly labels: Labels;
  /** Of each bucket alone, not cumulative; the last one is what is above all bounds. */
  readonly counts: Float64Array;
  readonly exemplars: (Exemplar | null)[];
  count: number;
  sum: number;
}

/** prom-client's names. */
interface Exemplar {
  readonly labelSet: Labels;
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

/**
 * A histogram that takes in many values of one set of labels at a time: a trial brings hundreds of tokens,
 * and prom-client looks up labels, checks them and reads a clock for each. What it exports is the same.
 */
export class CountedHistogram extends Histogram {
  readonly #name: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(name: CoordinatorMetric, bounds: readonly number[], registry: MetricRegistry) {
    super({ ...settings(name), buckets: [...bounds], registers: [] });
    this.#name = name;
    this.#bounds = bounds;
    // Without labels there is one series, from the start.
    if (settings(name).labelNames.length === 0) this.seriesOf({});
    registry.registerMetric(this);
  }

  /** @param exemplarLabels what points from a bucket to its newest value; empty = nothing does. */
  observeAll(one: Series, values: readonly number[], exemplarLabels: Labels): void {
    const bounds = this.#bounds;
    const newest = new Float64Array(one.counts.length).fill(Number.NaN);
    for (const value of values) {
      let at = 0;
      while (at < bounds.length && value > bounds[at]!) at += 1;
      one.counts[at]! += 1;
      one.sum += value;
      newest[at] = value;
    }
    one.count += values.length;
    if (Object.keys(exemplarLabels).length === 0) return;
    const timestamp = Date.now() / 1000;
    newest.forEach((value, at) => {
      if (!Number.isNaN(value)) one.exemplars[at] = { labelSet: exemplarLabels, value, timestamp };
    });
  }

  /** Lets go of a series. */
  forget(labels: Labels): void {
    this.#series.delete(keyOf(labels));
  }

  override async get(): ReturnType<Histogram['get']> {
    const described = await super.get();
    return { ...described, values: [...this.#series.values()].flatMap((one) => this.#lines(one)) };
  }

  /** @returns what is observed under these labels, until they are let go of. */
  seriesOf(labels: Labels): Series {
    return getOrMake(this.#series, keyOf(labels), () => {
      const buckets = this.#bounds.length + 1;
      const exemplars = new Array<Exemplar | null>(buckets).fill(null);
      return { labels, counts: new Float64Array(buckets), exemplars, count: 0, sum: 0 };
    });
  }

  #lines({ labels, counts, exemplars, count, sum }: Series) {
    let below = 0;
    const buckets = exemplars.map((exemplar, at) => {
      below += counts[at]!;
      const le = this.#bounds[at] ?? '+Inf';
      return { metricName: `${this.#name}_bucket`, labels: { ...labels, le }, value: below, exemplar };
    });
    return [
      ...buckets,
      { metricName: `${this.#name}_sum`, labels: { ...labels }, value: sum, exemplar: null },
      { metricName: `${this.#name}_count`, labels: { ...labels }, value: count, exemplar: null },
    ];
  }
}

/** @returns one text for one set of labels, in whatever order they come. */
function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
