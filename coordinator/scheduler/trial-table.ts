import { IdIndex } from './id-index.js';

/** A valid result of some sweep that may stand for the same question asked again. */
export interface KnownResult {
  readonly trialId: string;
  /** Engine release that gave it; null when its record does not say. */
  readonly engine: string | null;
}

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

/** Experiment id → the trial whose result later sweeps take over. */
export class KnownResults {
  readonly #trials: TrialTable;
  readonly #numbers = new IdIndex();
  /** By the trial's number; of a few releases, each string once. */
  readonly #engines: (string | null)[] = [];
  readonly #releases = new Map<string, string>();

  constructor(trials: TrialTable) {
    this.#trials = trials;
  }

  has(experimentId: string): boolean {
    return this.#numbers.has(experimentId);
  }

  get(experimentId: string): KnownResult | undefined {
    const number = this.#numbers.get(experimentId);
    if (number === undefined) return undefined;
    return { trialId: this.#trials.idOf(number), engine: this.#engines[number] ?? null };
  }

  /** @param known of a trial that is recorded. */
  set(experimentId: string, { trialId, engine }: KnownResult): void {
    this.#trials.add(trialId);
    const number = this.#trials.numberOf(trialId)!;
    this.#numbers.set(experimentId, number);
    while (this.#engines.length <= number) this.#engines.push(null);
    this.#engines[number] = engine === null ? null : this.#once(engine);
  }

  #once(engine: string): string {
    const known = this.#releases.get(engine);
    if (known !== undefined) return known;
    this.#releases.set(engine, engine);
    return engine;
  }
}
