import { getOrMake } from '../core/maps.js';
import { metricValue, type ResultRecord } from '../core/result/result.js';
import { type Common, commonAlike, commonOf } from '../statistics/common-fit.js';
import type { JointFit } from '../statistics/joint-fit.js';
import { type Estimate, estimateOf } from '../statistics/row-estimate.js';
import { type Readings, type Starts, weightsOf } from '../statistics/weighted-starts.js';
import { beyondReadings, leadOf, type Pace, PRIORS, paceOf, readingsOf } from './pace.js';

/**
 * What all rows have in common is estimated only from this many rows, the first ones. They determine the
 * slopes well enough; with tens of thousands of rows, a further start would seldom change anything.
 */
export const TELLING_ROWS = 200;

/** What rows have in common, metric by metric. Each is fitted once, when it is first needed. */
export class Commons {
  readonly #rows: readonly RowStarts[];
  readonly #known = new Map<string, Common>();

  /** @param rows starts of each row, in the order of the report; only the first TELLING_ROWS are used. */
  constructor(rows: readonly (readonly ResultRecord[])[]) {
    this.#rows = rows.slice(0, TELLING_ROWS).map((starts) => new RowStarts(starts));
  }

  commonOf(metric: string): Common {
    return getOrMake(this.#known, metric, () => {
      const { pace } = paceOf(metric);
      const lead = leadOf(metric, pace);
      const rows = this.#rows.map((row) => row.startsOf(metric));
      return lead === metric
        ? commonOf(rows, PRIORS[pace])
        : commonAlike(this.commonOf(lead), rows, (_, first, r) => this.#rows[r]!.weights(lead, first));
    });
  }
}

/**
 * The estimates of one row from all its starts, metric by metric. Metrics of one pace share the weights of
 * its leading metric, so that the numbers of a row agree with each other.
 */
export class RowEstimates {
  readonly #row: RowStarts;
  readonly #commons: Commons;

  constructor(starts: readonly ResultRecord[], commons: Commons) {
    this.#row = new RowStarts(starts);
    this.#commons = commons;
  }

  /**
   * Whether the state of the cores was read beside any of its starts; without such readings nothing is
   * adjusted.
   */
  get read(): boolean {
    return this.#row.readings.decode.some((x) => x !== null);
  }

  /** @returns null where the row has no number, or one that has no logarithm. */
  estimateOf(metric: string): Estimate | null {
    const { pace, sign } = paceOf(metric);
    const lead = leadOf(metric, pace);
    const weights = this.#row.weights(lead, this.#commons.commonOf(lead));
    const found = estimateOf(this.#row.startsOf(metric), weights, this.#commons.commonOf(metric));
    if (found === null || sign === 1) return found;
    const { centre, thisRun, unadjusted, asMeasured, range } = found;
    return {
      ...found,
      centre: -centre,
      thisRun: { ...thisRun, centre: -thisRun.centre },
      unadjusted: -unadjusted,
      asMeasured: -asMeasured,
      range: [-range[1], -range[0]],
    };
  }
}

/** The estimates of many rows, for comparisons. */
export class Estimates {
  readonly #commons: Commons;
  readonly #rows: readonly RowEstimates[];

  /**
   * @param rows starts of each row. For a comparison of two runs, first the rows of one side, then those of
   *   the other.
   */
  constructor(rows: readonly (readonly ResultRecord[])[]) {
    this.#commons = new Commons(rows);
    this.#rows = rows.map((starts) => new RowEstimates(starts, this.#commons));
  }

  /**
   * @returns the fit of a metric, its rows in the given order; null for a row without a number, or with one
   *   that has no logarithm.
   */
  fitOf(metric: string): JointFit {
    return { ...this.#commons.commonOf(metric), rows: this.#rows.map((row) => row.estimateOf(metric)) };
  }
}

/** One row's starts as the fit reads them. */
class RowStarts {
  readonly readings: Readonly<Record<Pace, readonly (Readings | null)[]>>;
  readonly #starts: readonly ResultRecord[];
  readonly #beyond: Readonly<Record<Pace, readonly number[]>>;
  /** By lead. */
  readonly #weights = new Map<string, readonly number[]>();

  constructor(starts: readonly ResultRecord[]) {
    this.#starts = starts;
    const readingsAtPace = (pace: Pace) => starts.map((start) => readingsOf(start, pace));
    this.readings = {
      decode: readingsAtPace('decode'),
      prefill: readingsAtPace('prefill'),
      plain: starts.map(() => null),
    };
    const readingsBeyond = (pace: 'decode' | 'prefill') => starts.map((start) => beyondReadings(start, pace));
    this.#beyond = { decode: readingsBeyond('decode'), prefill: readingsBeyond('prefill'), plain: [] };
  }

  startsOf(metric: string): Starts {
    const { pace, sign, offset, token } = paceOf(metric);
    const x =
      token === 'mean' ? this.readings[pace] : this.#starts.map((start) => readingsOf(start, pace, token));
    const y: (number | null)[] = [];
    for (const start of this.#starts) {
      const value = metricValue(start, metric);
      // A number that is zero or negative has no logarithm. Then the whole row is left out, since the
      // remaining starts would give a different row.
      if (value !== null && value + offset <= 0) return { y: this.readings.plain as readonly null[], x };
      y.push(value === null ? null : sign * Math.log(value + offset));
    }
    return { y, x, beyond: this.#beyond[pace] };
  }

  weights(lead: string, common: Common): readonly number[] {
    return getOrMake(this.#weights, lead, () => weightsOf(this.startsOf(lead), common));
  }
}
