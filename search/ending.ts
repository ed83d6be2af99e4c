import type { Objective, SearchSpec } from '../core/sweep/spec.js';
import type { Measured } from './measured.js';

/** What has been spent. */
export interface Spent {
  readonly trials: number;
  readonly deviceSeconds: number;
  /** Joules of the trials whose energy was measured. */
  readonly joules: number;
}

/** What one trial reports for the metrics of a search. */
export interface Said {
  /** By metric; null where the trial has no number. */
  readonly values: Readonly<Record<string, number | null>>;
  /** Why a metric has no number, if the trial gives a reason. */
  reasonOf?(metric: string): string | null;
}

/** If none of this many first rows has a number for a metric, the search ends. */
const ROWS_WITHOUT_NUMBERS = 8;
/** If this many trials gave no row, the search ends. */
const TRIALS_WITHOUT_ROWS = 32;

/**
 * Decides when a search is over, and why: its budget is spent, or continuing would gain nothing. It counts
 * what is spent, but chooses no points.
 */
export class Ending {
  readonly #spec: SearchSpec;
  readonly #objectives: readonly Objective[];
  readonly #measured: Measured;
  /** Objectives and constraints for which no row had a number yet, with the newest reason. */
  readonly #numberless: Map<string, string | null>;
  #trials = 0;
  #seconds = 0;
  #joules = 0;
  /** Trials of which joules were measured. */
  #metered = 0;
  /** Once the search has ended it stays ended, whatever further starts show. */
  #reason: string | null = null;

  constructor(spec: SearchSpec, objectives: readonly Objective[], measured: Measured) {
    this.#spec = spec;
    this.#objectives = objectives;
    this.#measured = measured;
    const named = [...objectives, ...spec.constraints];
    this.#numberless = new Map(named.map(({ metric }) => [metric, null]));
  }

  /** Why it is over for good, as the second half of a sentence; null = it is not. */
  get reason(): string | null {
    return this.#reason;
  }

  get spent(): Spent {
    return { trials: this.#trials, deviceSeconds: this.#seconds, joules: this.#joules };
  }

  /** Counts a trial. @param joules null = not measured. */
  spend(seconds: number, joules: number | null): void {
    this.#seconds += seconds;
    if (joules !== null) {
      this.#joules += joules;
      this.#metered += 1;
    }
    this.#trials += 1;
    this.#reason ??= this.overspent();
  }

  /** Notes for which metrics a row has numbers. */
  note(said: Said): void {
    for (const metric of [...this.#numberless.keys()]) {
      if (said.values[metric] != null) this.#numberless.delete(metric);
      else this.#numberless.set(metric, said.reasonOf?.(metric) ?? null);
    }
  }

  /** Checks, after a row was measured, whether continuing is worthwhile. */
  judge(): void {
    this.#reason ??= this.#pointless();
  }

  /**
   * @param failure gives the reason for which most points were skipped; undefined if none was.
   * @returns why a search without any row is given up; null = it continues. This is not final: points that
   *   failed are tried again when the sweep is submitted again.
   */
  withoutRows(failure: () => string | undefined): string | null {
    if (this.#measured.size > 0 || this.#trials < TRIALS_WITHOUT_ROWS) return null;
    return `none of its first ${this.#trials} trials gave a row: ${failure() ?? 'each failed or was invalid'}`;
  }

  /**
   * @param ahead running trials, each of which is assumed to spend as much as trials did on average.
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

  /** Why continuing gains nothing; null if it does. */
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

/**
 * If the first trial alone spends a budget, a phrase with the budget and what a trial takes; otherwise empty.
 */
function underATrial(budget: number, trial: number, unit: string): string {
  if (budget >= trial) return '';
  return `: it is ${Number(budget.toPrecision(2))} ${unit}, and a trial takes ${Number(trial.toPrecision(2))} ${unit}`;
}
