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
  /** Codes of what disturbed its starts, or of what made it invalid; none where it is clean, failed, or nobody knows. */
  readonly gradingCodes: readonly WarningCode[];
  /** Of a failed one why it was given up; null otherwise, or when it is not known. */
  readonly reason: string | null;
}

/** What a number can say beside its trial. */
type Word = Pick<Outcome, 'state' | 'doubts'>;

/** More than there are words: combinations of codes that rows of one sweep really have are few. */
const MOST_WORDS = 2 ** 16;

/**
 * Outcomes by position, with the methods of a Map that are asked for. One that is a trial with a word, which all but the failed are, is
 * a number; the others are objects.
 */
export class Outcomes {
  readonly #trials: TrialTable;
  readonly #others = new Map<number, Outcome>();
  /** Each once, in the order in which they came. */
  readonly #said: Word[] = [];
  readonly #indices = new Map<string, number>();
  /** (The trial's number × MOST_WORDS + the index of its word) × 2 + reused. */
  readonly #words = new PositionTable();

  constructor(trials: TrialTable) {
    this.#trials = trials;
  }

  get size(): number {
    return this.#words.size + this.#others.size;
  }

  has(position: number): boolean {
    return this.#others.has(position) || this.#words.has(position);
  }

  get(position: number): Outcome | undefined {
    const word = this.#words.get(position);
    return word === undefined ? this.#others.get(position) : this.#read(word);
  }

  set(position: number, outcome: Outcome): void {
    this.delete(position);
    const { state, trialId, reused, gradingCodes } = outcome;
    const number = trialId === null ? undefined : this.#trials.numberOf(trialId);
    const word = state === 'failed' ? null : this.#indexOf({ state, gradingCodes });
    if (word === null || number === undefined) this.#others.set(position, outcome);
    else this.#words.set(position, (number * MOST_WORDS + word) * 2 + Number(reused));
  }

  delete(position: number): boolean {
    return this.#others.delete(position) || this.#words.delete(position);
  }

  *[Symbol.iterator](): Generator<[number, Outcome]> {
    for (const [position, word] of this.#words) yield [position, this.#read(word)];
    yield* this.#others;
  }

  *values(): Generator<Outcome> {
    for (const [, outcome] of this) yield outcome;
  }

  /** Those that are more than a trial: every failed one is among them. */
  others(): IterableIterator<[number, Outcome]> {
    return this.#others.entries();
  }

  /** @returns null when there are too many. */
  #indexOf(word: Word): number | null {
    const key = `${word.state} ${word.gradingCodes.join(' ')}`;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    if (this.#said.length === MOST_WORDS) return null;
    this.#indices.set(key, this.#said.length);
    return this.#said.push(word) - 1;
  }

  #read(word: number): Outcome {
    const half = Math.floor(word / 2);
    const trialId = this.#trials.idOf(Math.floor(half / MOST_WORDS));
    return { ...this.#said[half % MOST_WORDS]!, trialId, reused: word % 2 === 1, reason: null };
  }
}
