import { metricValue, type ResultRecord } from '../result/result.js';
import { alike, type JointFit, jointFit, type Readings, type StartLog } from '../statistics/joint-fit.js';
import { LEADS, type Paced, PRIORS, paceOf, readingsOf } from './pace.js';

/**
 * What the starts of many rows say together, metric by metric (core/statistics/joint-fit.ts): each is fitted when it is asked for, and
 * once. Metrics of one pace share the slopes and weights of their lead, so that a row agrees with itself.
 */
export class Estimates {
  readonly #rows: readonly (readonly ResultRecord[])[];
  readonly #readings: readonly (readonly (Readings | null)[])[];
  readonly #fits = new Map<string, JointFit>();

  /** @param rows starts of each row; for a comparison the rows of one side, then those of the other. */
  constructor(rows: readonly (readonly ResultRecord[])[]) {
    this.#rows = rows;
    this.#readings = rows.map((starts) => starts.map(readingsOf));
  }

  /** @returns the fit of a metric; its rows are in the order given, null where a row has no number or one that has no logarithm. */
  of(metric: string): JointFit {
    const known = this.#fits.get(metric);
    if (known !== undefined) return known;
    const paced = paceOf(metric);
    const { pace, sign } = paced;
    const logs = this.#logs(metric, paced);
    const leader = pace === 'plain' ? metric : LEADS[pace];
    const fit = leader === metric ? jointFit(logs, PRIORS[pace], sign) : alike(this.of(leader), logs, sign);
    this.#fits.set(metric, fit);
    return fit;
  }

  #logs(metric: string, { pace, offset }: Paced): StartLog[][] {
    return this.#rows.map((starts, r) => {
      const values = starts.map((start) => metricValue(start, metric));
      // What may be zero or negative has no logarithm, and half of such a row would be another row.
      const usable = values.every((value) => value === null || value + offset > 0);
      return values.map((value, i) => ({
        y: usable && value !== null ? Math.log(value + offset) : null,
        x: pace === 'plain' ? null : this.#readings[r]![i]!,
      }));
    });
  }
}
