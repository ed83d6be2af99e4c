import { DOUBTS } from '../../core/result/warnings.js';
import { PositionTable } from './position-table.js';
import type { TrialTable } from './trial-table.js';

/** How a point ended. A point has at most one outcome; a better one replaces a worse one. */
export interface Outcome {
  readonly state: 'complete' | 'invalid' | 'failed';
  /** The trial that speaks for it: of several valid starts the first; null = given up without a record. */
  readonly trialId: string | null;
  /** Every start of it was taken over from earlier sweeps. */
  readonly reused: boolean;
  /** Of a failed one why it was given up, of an invalid one the code of its first doubt; null otherwise, or when it is not known. */
  readonly reason: string | null;
}

/** What a number can say beside its trial. */
const WORDS: readonly Pick<Outcome, 'state' | 'reason'>[] = [
  { state: 'complete', reason: null },
  { state: 'invalid', reason: null },
  ...DOUBTS.map((reason) => ({ state: 'invalid' as const, reason })),
];

/**
 * Outcomes by position, with the methods of a Map that are asked for. One that is a trial with a word, which nearly all are, is a
 * number; the others are objects.
 */
export class Outcomes {
  readonly #trials: TrialTable;
  readonly #others = new Map<number, Outcome>();
  /** (The trial's number × WORDS.length + the index of its word) × 2 + reused. */
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
    const { state, trialId, reused, reason } = outcome;
    const number = trialId === null ? undefined : this.#trials.numberOf(trialId);
    const word = WORDS.findIndex((one) => one.state === state && one.reason === reason);
    if (word < 0 || number === undefined) this.#others.set(position, outcome);
    else this.#words.set(position, (number * WORDS.length + word) * 2 + Number(reused));
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

  #read(word: number): Outcome {
    const half = Math.floor(word / 2);
    const trialId = this.#trials.idOf(Math.floor(half / WORDS.length));
    return { ...WORDS[half % WORDS.length]!, trialId, reused: word % 2 === 1 };
  }
}
