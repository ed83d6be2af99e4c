import type { WarningCode } from '../../core/result/warnings.js';
import { PositionTable } from './position-table.js';
import type { TrialTable } from './trial-table.js';

/** How a point ended. A point has at most one outcome; a better one replaces a worse one. */
export interface Outcome {
  readonly state: 'complete' | 'invalid' | 'failed';
  /** The trial that speaks for it: of several starts the first; null = given up without a record. */
  readonly trialId: string | null;
  /** Every start of it was taken over from earlier sweeps. */
  readonly reused: boolean;
  /**
   * The codes that disturbed its starts, or made it invalid; none where it is clean or failed, or where
   * nothing is known.
   */
  readonly gradingCodes: readonly WarningCode[];
  /** Of a failed one why it was given up; null otherwise, or when it is not known. */
  readonly reason: string | null;
}

/** What a number can say beside its trial. */
type Grading = Pick<Outcome, 'state' | 'gradingCodes'>;

/** Outcomes of one piece of a snapshot. */
const PIECE = 4096;

/** More than there are gradings: combinations of codes that rows of one sweep really have are few. */
const MOST_GRADINGS = 2 ** 16;

/**
 * Outcomes by position, with those methods of a Map that are needed. An outcome that is only a trial and its
 * grading is a number; all but the failed ones are. The others are objects.
 */
export class Outcomes {
  readonly #trials: TrialTable;
  readonly #others = new Map<number, Outcome>();
  /** Each once, in the order in which they came. */
  readonly #gradings: Grading[] = [];
  readonly #indices = new Map<string, number>();
  /** (The trial's number × MOST_GRADINGS + the index of its grading) × 2 + reused. */
  readonly #packed = new PositionTable();

  constructor(trials: TrialTable) {
    this.#trials = trials;
  }

  get size(): number {
    return this.#packed.size + this.#others.size;
  }

  has(position: number): boolean {
    return this.#others.has(position) || this.#packed.has(position);
  }

  get(position: number): Outcome | undefined {
    const packed = this.#packed.get(position);
    return packed === undefined ? this.#others.get(position) : this.#read(packed);
  }

  set(position: number, outcome: Outcome): void {
    this.delete(position);
    const { state, trialId, reused, gradingCodes } = outcome;
    const number = trialId === null ? undefined : this.#trials.numberOf(trialId);
    const grading = state === 'failed' ? null : this.#indexOf({ state, gradingCodes });
    if (grading === null || number === undefined) this.#others.set(position, outcome);
    else this.#packed.set(position, (number * MOST_GRADINGS + grading) * 2 + Number(reused));
  }

  delete(position: number): boolean {
    return this.#others.delete(position) || this.#packed.delete(position);
  }

  *[Symbol.iterator](): Generator<[number, Outcome]> {
    for (const [position, packed] of this.#packed) yield [position, this.#read(packed)];
    yield* this.#others;
  }

  *values(): Generator<Outcome> {
    for (const [, outcome] of this) yield outcome;
  }

  /** Those that are more than a trial: every failed one is among them. */
  unpackedEntries(): IterableIterator<[number, Outcome]> {
    return this.#others.entries();
  }

  /** @returns what a snapshot keeps of them: gradings, then numbers, then the others. */
  *pieces(): Generator<Grading[] | Float64Array | Map<number, Outcome>> {
    yield this.#gradings;
    yield* this.#packed.pieces();
    const others = [...this.#others];
    for (let from = 0; from < others.length; from += PIECE) yield new Map(others.slice(from, from + PIECE));
  }

  restore(piece: Grading[] | Float64Array | Map<number, Outcome>): void {
    if (piece instanceof Float64Array) this.#packed.restore(piece);
    else if (Array.isArray(piece)) for (const grading of piece) this.#indexOf(grading);
    else for (const [position, outcome] of piece) this.#others.set(position, outcome);
  }

  /** @returns null when there are too many. */
  #indexOf(grading: Grading): number | null {
    const key = `${grading.state} ${grading.gradingCodes.join(' ')}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    if (this.#gradings.length === MOST_GRADINGS) return null;
    this.#indices.set(key, this.#gradings.length);
    return this.#gradings.push(grading) - 1;
  }

  #read(packed: number): Outcome {
    const half = Math.floor(packed / 2);
    const trialId = this.#trials.idOf(Math.floor(half / MOST_GRADINGS));
    return { ...this.#gradings[half % MOST_GRADINGS]!, trialId, reused: packed % 2 === 1, reason: null };
  }
}
