import type { Objective, SearchSpec } from '../core/sweep/spec.js';
import type { Measured } from './measured.js';

/** What has been spent. */
export interface Spent {
  readonly trials: number;
  readonly deviceSeconds: number;
  /** Of the trials of which they were measured. */
  readonly joules: number;
}

/** What one trial says of the metrics that a search asks for. */
export interface Said {
  /** By metric; null where the trial has no number. */
  readonly values: Readonly<Record<string, number | null>>;
  /** Why a metric has no number, where the trial says so. */
  reasonOf?(metric: string): string | null;
}

/** Rows after which numbers that none of them has are given up. */
const ROWS_WITHOUT_NUMBERS = 8;
/** Trials after which a search is given up that no row came of. */
const TRIALS_WITHOUT_ROWS = 32;

/**
 * When a search is over, and what it says then: its budget is spent, or going on gains nothing. It counts
 * what is spent, and chooses no points.
 */
export class Ending {
  readonly #spec: SearchSpec;
  readonly #objectives: readonly Objective[];
  readonly #measured: Measured;
  /** Of its objectives and constraints, those that no row had a number of yet, with the newest reason. */
  readonly #numberless: Map<string, string | null>;
  #trials = 0;
  #seconds = 0;
  #joules = 0;
  /** Trials of which joules were measured. */
  #metered = 0;
  /** Once it has ended it does not begin again, whatever further starts say. */
  #reason: string | null = null;

  constructor(spec: SearchSpec, objectives: readonly Objective[], measured: Measured) {
    this.#spec = spec;
    this.#objectives = objectives;
    this.#measured = measured;
    const named = [...objectives, ...spec.constraints];
    this.#numberless = new Map(named.map(({ metric }) => [metric, null]));
  }

  /** Why it is over for good, in a sentence without its begin; null = it is not. */
  get reason(): string | null {
    return this.#reason;
  }

  get spent(): Spent {
    return { trials: this.#trials, deviceSeconds: this.#seconds, joules: this.#joules };
  }

  /** Counts a trial. @param joules null = nothing measured them. */
  spend(seconds: number, joules: number | null): void {
    this.#seconds += seconds;
    if (joules !== null) {
      this.#joules += joules;
      this.#metered += 1;
    }
    this.#trials += 1;
    this.#reason ??= this.overspent();
  }

  /** Notes of which metrics a row has numbers. */
  note(said: Said): void {
    for (const metric of [...this.#numberless.keys()]) {
      if (said.values[metric] != null) this.#numberless.delete(metric);
      else this.#numberless.set(metric, said.reasonOf?.(metric) ?? null);
    }
  }

  /** Looks, after a row was measured, whether going on gains anything. */
  judge(): void {
    this.#reason ??= this.#pointless();
  }

  /**
   * @param failure tells why most points were skipped; undefined where none was.
   * @returns why a search is given up of which no row came; null = it goes on. Not for good: what failed is
   *   tried again when the sweep is submitted again.
   */
  withoutRows(failure: () => string | undefined): string | null {
    if (this.#measured.size > 0 || this.#trials < TRIALS_WITHOUT_ROWS) return null;
    return `none of its first ${this.#trials} trials gave a row: ${failure() ?? 'each failed or was invalid'}`;
  }

  /**
   * @param ahead trials that are under way, each of which is taken to spend what one did until now.
   * @returns which budget is spent; null = none.
   */
  overspent(ahead = 0): string | null {
    const { trials, deviceHours, joules } = this.#spec.budget;
    const seconds = this.#seconds / Math.max(1, this.#trials);
    const metered = this.#joules / Math.max(1, this.#metered);
    if (trials !== null && this.#trials + ahead >= trials) return `its budget of ${trials} trials is spent`;
    if (deviceHours !== null && this.#seconds + ahead * seconds >= deviceHours * 3600)
      return `its budget of ${deviceHours} device-hours is spent${underATrial(deviceHours * 3600, seconds, 's')}`;
    if (joules === null || this.#joules + ahead * metered < joules) return null;
    return `its budget of ${joules} J is spent${underATrial(joules, metered, 'J')}`;
  }

  /** Why going on gains nothing; null = it does. */
  #pointless(): string | null {
    const rows = this.#measured.size;
    if (rows >= ROWS_WITHOUT_NUMBERS && (this.#numberless.size > 0 || !this.#measured.anyNumbered)) {
      const lacking = [...this.#numberless].map(([metric, why]) =>
        why === null ? metric : `${metric} (${why})`,
      );
      const metrics = lacking.length > 0 ? lacking : this.#objectives.map(({ metric }) => metric);
      return `none of its first ${rows} rows has a number of ${metrics.join(' and ')}: name objectives and constraints that its rows have`;
    }
    const { trials, deviceHours, joules } = this.#spec.budget;
    const onlyJoules = joules !== null && trials === null && deviceHours === null;
    if (onlyJoules && this.#metered === 0 && rows >= ROWS_WITHOUT_NUMBERS)
      return `nothing measured the joules of its first ${rows} rows, so that its budget of ${joules} J would never be spent`;
    const least = this.#spec.leastGainPerDeviceHour;
    const gain = least === null ? null : this.#measured.gainPerHour(this.#seconds);
    if (gain === null || gain >= least!) return null;
    return `a device-hour adds ${(100 * gain).toFixed(1)} % to the volume under its front, less than ${100 * least!} %`;
  }
}

/** Says of a budget that the first trial spends how much it is, and what a trial takes; empty of others. */
function underATrial(budget: number, trial: number, unit: string): string {
  if (budget >= trial) return '';
  return `: it is ${Number(budget.toPrecision(2))} ${unit}, and a trial takes ${Number(trial.toPrecision(2))} ${unit}`;
}
