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

  /** @returns what a snapshot keeps of it. */
  *pieces(): Generator<string[] | Uint32Array> {
    for (let from = 0; from < this.#ids.length; from += PIECE) yield this.#ids.slice(from, from + PIECE);
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
    const key = keyOf({ engine, build, gradingCodes });
    const known = this.#once.get(key) ?? { engine, build, gradingCodes };
    this.#once.set(key, known);
    this.#shared[number] = known;
    this.#keep(number, values);
  }

  /** @returns what a snapshot keeps of it. */
  *pieces(): Generator<KnownPiece> {
    const shared = [...this.#once.values()];
    yield { shared };
    const kinds = new Map(shared.map((one, kind) => [one, kind]));
    for (let from = 0; from < this.#next.length; from += PIECE) {
      const to = from + PIECE;
      yield {
        next: Int32Array.from(this.#next.slice(from, to)),
        kinds: Int32Array.from(this.#shared.slice(from, to), (one) => kinds.get(one!) ?? -1),
        values: this.#values.slice(METRICS * from, METRICS * Math.min(to, this.#next.length)),
      };
    }
    yield* this.#newest.pieces();
  }

  restore(piece: KnownPiece): void {
    if (piece instanceof Uint32Array) this.#newest.restore(piece);
    else if ('shared' in piece) {
      for (const one of piece.shared) this.#once.set(keyOf(one), one);
    } else {
      const shared = [...this.#once.values()];
      const first = this.#next.length;
      this.#next.push(...piece.next);
      this.#shared.push(...[...piece.kinds].map((kind) => shared[kind]));
      this.#makeRoom(this.#next.length);
      this.#values.set(piece.values, METRICS * first);
    }
  }

  #makeRoom(trials: number): void {
    if (METRICS * trials <= this.#values.length) return;
    const larger = new Float32Array(2 * METRICS * trials);
    larger.set(this.#values);
    this.#values = larger;
  }

  #keep(number: number, values: SettlingValues): void {
    this.#makeRoom(number + 1);
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

function keyOf({ engine, build, gradingCodes }: Shared): string {
  return JSON.stringify([engine, build, gradingCodes]);
}
