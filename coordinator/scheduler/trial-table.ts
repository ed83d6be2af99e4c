import { SETTLING_METRICS, type SettlingValues } from '../../core/metrics/settling.js';
import type { WarningCode } from '../../core/result/warnings.js';
import { Column } from './column.js';
import { IdIndex } from './id-index.js';
import { IdList } from './id-list.js';

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
  /** What its model was asked and scored by (`questionsId`); null = nothing. */
  readonly questions: string | null;
}

/** What many trials have alike. */
type Shared = Pick<KnownResult, 'engine' | 'build' | 'gradingCodes' | 'questions'>;

/** Every recorded trial, each id once; elsewhere a trial is its number here. */
export class TrialTable {
  readonly #numbers = new IdIndex();
  readonly #ids = new IdList();

  get size(): number {
    return this.#ids.size;
  }

  has(trialId: string): boolean {
    return this.#numbers.has(trialId);
  }

  /** @returns its number, from 0 in the order of recording; undefined for an unknown trial. */
  numberOf(trialId: string): number | undefined {
    return this.#numbers.get(trialId);
  }

  idOf(number: number): string {
    return this.#ids.get(number);
  }

  /** Adds the trial unless it is there. */
  add(trialId: string): void {
    if (this.has(trialId)) return;
    this.#numbers.set(trialId, this.#ids.size);
    this.#ids.push(trialId);
  }

  /** @returns what a snapshot keeps of it. */
  *pieces(): Generator<string[] | Uint32Array> {
    for (let from = 0; from < this.size; from += PIECE) {
      const count = Math.min(PIECE, this.size - from);
      yield Array.from({ length: count }, (_, i) => this.idOf(from + i));
    }
    yield* this.#numbers.pieces();
  }

  restore(piece: string[] | Uint32Array): void {
    if (piece instanceof Uint32Array) this.#numbers.restore(piece);
    else for (const id of piece) this.#ids.push(id);
  }
}

const METRICS = SETTLING_METRICS.length;
/** Trials of one piece of a snapshot. */
const PIECE = 8192;

/** What a snapshot keeps of results: what they have alike, or one row after the other. */
type KnownPiece =
  | { readonly shared: readonly Shared[] }
  | { readonly next: Int32Array; readonly kinds: Int32Array; readonly values: Float32Array }
  | Uint32Array;

/** Of a trial that is no valid result. */
const NONE = -1;

/**
 * Experiment id → every valid trial of it, which later sweeps take over. Some 30 bytes a trial beside its id.
 */
export class KnownResults {
  readonly #trials: TrialTable;
  /** The newest trial of each experiment. */
  readonly #newest = new IdIndex();
  /**
   * By the trial's number: the next newer one of its experiment, and of the newest the oldest; -1 = it is
   * none of these.
   */
  readonly #next = new Column((length) => new Int32Array(length));
  /** By the trial's number: which of the kinds it is. */
  readonly #kinds = new Column((length) => new Int32Array(length));
  /** A few engines and what disturbs a machine, each once, in the order in which they came. */
  readonly #shared: Shared[] = [];
  readonly #kindOf = new Map<string, number>();
  /** METRICS values for each trial by its number, seven digits of each; NaN = it has none. */
  readonly #values = new Column((length) => new Float32Array(length));

  constructor(trials: TrialTable) {
    this.#trials = trials;
  }

  get isEmpty(): boolean {
    return this.#newest.size === 0;
  }

  /** @returns the valid trials of an experiment, oldest first. */
  validTrials(experimentId: string): KnownResult[] {
    const newest = this.#newest.get(experimentId);
    const found: KnownResult[] = [];
    if (newest === undefined) return found;
    let number = newest;
    do {
      number = this.#next.at(number);
      found.push({
        trialId: this.#trials.idOf(number),
        ...this.#shared[this.#kinds.at(number)]!,
        values: this.#valuesOf(number),
      });
    } while (number !== newest);
    return found;
  }

  /** @returns what a trial says as a start; nothing for one that is none of these. */
  startOf(trialId: string): Pick<KnownResult, 'values' | 'gradingCodes'> {
    const number = this.#numberOf(trialId);
    if (number === null) return { values: {}, gradingCodes: [] };
    const { gradingCodes } = this.#shared[this.#kinds.at(number)]!;
    return { values: this.#valuesOf(number), gradingCodes };
  }

  /** @returns what its model was asked and scored by; null where nobody knows. */
  questionsOf(trialId: string): string | null {
    const number = this.#numberOf(trialId);
    return number === null ? null : (this.#shared[this.#kinds.at(number)]!.questions ?? null);
  }

  /** @param known of a trial that is recorded; a second time it changes nothing. */
  add(experimentId: string, { trialId, engine, build, values, gradingCodes, questions }: KnownResult): void {
    const number = this.#trials.numberOf(trialId)!;
    while (this.#next.length <= number) {
      this.#next.push(NONE);
      this.#kinds.push(NONE);
      for (let i = 0; i < METRICS; i += 1) this.#values.push(Number.NaN);
    }
    if (this.#next.at(number) !== NONE) return;
    const before = this.#newest.get(experimentId);
    this.#next.set(number, before === undefined ? number : this.#next.at(before));
    if (before !== undefined) this.#next.set(before, number);
    this.#newest.set(experimentId, number);
    this.#kinds.set(number, this.#keep({ engine, build, gradingCodes, questions }));
    for (const [i, metric] of SETTLING_METRICS.entries())
      this.#values.set(METRICS * number + i, values[metric] ?? Number.NaN);
  }

  /** @returns what a snapshot keeps of it. */
  *pieces(): Generator<KnownPiece> {
    yield { shared: this.#shared };
    for (let from = 0; from < this.#next.length; from += PIECE) {
      const to = Math.min(from + PIECE, this.#next.length);
      yield {
        next: this.#next.slice(from, to),
        kinds: this.#kinds.slice(from, to),
        values: this.#values.slice(METRICS * from, METRICS * to),
      };
    }
    yield* this.#newest.pieces();
  }

  restore(piece: KnownPiece): void {
    if (piece instanceof Uint32Array) this.#newest.restore(piece);
    else if ('shared' in piece) for (const one of piece.shared) this.#keep(one);
    else {
      for (const next of piece.next) this.#next.push(next);
      for (const kind of piece.kinds) this.#kinds.push(kind);
      for (const value of piece.values) this.#values.push(value);
    }
  }

  /** @returns the number of what it has alike with others. */
  #keep(shared: Shared): number {
    const { engine, build, gradingCodes, questions } = shared;
    const key = JSON.stringify([engine, build, gradingCodes, questions]);
    const known = this.#kindOf.get(key);
    if (known !== undefined) return known;
    this.#kindOf.set(key, this.#shared.length);
    return this.#shared.push({ engine, build, gradingCodes, questions }) - 1;
  }

  /** @returns the number of a valid trial; null for another. */
  #numberOf(trialId: string): number | null {
    const number = this.#trials.numberOf(trialId);
    if (number === undefined || number >= this.#next.length) return null;
    return this.#next.at(number) === NONE ? null : number;
  }

  #valuesOf(number: number): SettlingValues {
    const known = SETTLING_METRICS.flatMap((metric, i) => {
      const value = this.#values.at(METRICS * number + i);
      return Number.isNaN(value) ? [] : [[metric, value] as const];
    });
    return Object.fromEntries(known);
  }
}
