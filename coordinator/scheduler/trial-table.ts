import { SETTLING_METRICS, type SettlingValues } from '../../core/metrics/settling.js';
import type { WarningCode } from '../../core/result/warnings.js';
import { IdIndex } from './id-index.js';

/** A valid result of some sweep that may stand for the same question asked again. */
export interface KnownResult {
  readonly trialId: string;
  /** Engine release that gave it; null when its record does not say. */
  readonly engine: string | null;
  /** Digest of that engine's libraries; null when its record does not say. */
  readonly build: string | null;
  /** What it says of the metrics that must settle. */
  readonly values: SettlingValues;
  /** Codes of what disturbed it. */
  readonly gradingCodes: readonly WarningCode[];
}

/** What many trials have alike. */
type Shared = Pick<KnownResult, 'engine' | 'build' | 'gradingCodes'>;

/** Every recorded trial, each id once; elsewhere a trial is its number here. */
export class TrialTable {
  readonly #numbers = new IdIndex();
  readonly #ids: string[] = [];

  get size(): number {
    return this.#ids.length;
  }

  has(trialId: string): boolean {
    return this.#numbers.has(trialId);
  }

  /** @returns its number, from 0 in the order of recording; undefined for an unknown trial. */
  numberOf(trialId: string): number | undefined {
    return this.#numbers.get(trialId);
  }

  idOf(number: number): string {
    return this.#ids[number]!;
  }

  /** Adds the trial unless it is there. */
  add(trialId: string): void {
    if (this.has(trialId)) return;
    this.#numbers.set(trialId, this.#ids.length);
    this.#ids.push(trialId);
  }
}

const METRICS = SETTLING_METRICS.length;

/** Experiment id → every valid trial of it, which later sweeps take over. Some 30 bytes a trial beside its id. */
export class KnownResults {
  readonly #trials: TrialTable;
  /** The newest trial of each experiment. */
  readonly #newest = new IdIndex();
  /** By the trial's number: the next newer one of its experiment, and of the newest the oldest; -1 = it is none of these. */
  readonly #next: number[] = [];
  /** By the trial's number; of a few engines and what disturbs a machine, each once. */
  readonly #shared: (Shared | undefined)[] = [];
  readonly #once = new Map<string, Shared>();
  /** METRICS values for each trial by its number, seven digits of each; NaN = it has none. */
  #values = new Float32Array(METRICS * 64);

  constructor(trials: TrialTable) {
    this.#trials = trials;
  }

  get isEmpty(): boolean {
    return this.#newest.size === 0;
  }

  /** @returns the valid trials of an experiment, oldest first. */
  of(experimentId: string): KnownResult[] {
    const newest = this.#newest.get(experimentId);
    const found: KnownResult[] = [];
    if (newest === undefined) return found;
    let number = newest;
    do {
      number = this.#next[number]!;
      found.push({
        trialId: this.#trials.idOf(number),
        ...this.#shared[number]!,
        values: this.#valuesOf(number),
      });
    } while (number !== newest);
    return found;
  }

  /** @returns what a trial says as a start; nothing for one that is none of these. */
  startOf(trialId: string): Pick<KnownResult, 'values' | 'gradingCodes'> {
    const number = this.#trials.numberOf(trialId);
    if (number === undefined || (this.#next[number] ?? -1) < 0) return { values: {}, gradingCodes: [] };
    return { values: this.#valuesOf(number), gradingCodes: this.#shared[number]!.gradingCodes };
  }

  /** @param known of a trial that is recorded; a second time it changes nothing. */
  add(experimentId: string, { trialId, engine, build, values, gradingCodes }: KnownResult): void {
    const number = this.#trials.numberOf(trialId)!;
    while (this.#next.length <= number) {
      this.#next.push(-1);
      this.#shared.push(undefined);
    }
    if (this.#next[number] !== -1) return;
    const before = this.#newest.get(experimentId);
    this.#next[number] = before === undefined ? number : this.#next[before]!;
    if (before !== undefined) this.#next[before] = number;
    this.#newest.set(experimentId, number);
    const key = JSON.stringify([engine, build, gradingCodes]);
    const known = this.#once.get(key) ?? { engine, build, gradingCodes };
    this.#once.set(key, known);
    this.#shared[number] = known;
    this.#keep(number, values);
  }

  #keep(number: number, values: SettlingValues): void {
    if (METRICS * (number + 1) > this.#values.length) {
      const larger = new Float32Array(2 * METRICS * (number + 1));
      larger.set(this.#values);
      this.#values = larger;
    }
    for (const [i, metric] of SETTLING_METRICS.entries()) {
      this.#values[METRICS * number + i] = values[metric] ?? Number.NaN;
    }
  }

  #valuesOf(number: number): SettlingValues {
    const known = SETTLING_METRICS.flatMap((metric, i) => {
      const value = this.#values[METRICS * number + i]!;
      return Number.isNaN(value) ? [] : [[metric, value] as const];
    });
    return Object.fromEntries(known);
  }
}
