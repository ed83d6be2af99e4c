import type { TrialTable } from './trial-table.js';

/** How a point ended. A point has at most one outcome; a better one replaces a worse one. */
export interface Outcome {
  readonly state: 'complete' | 'invalid' | 'failed';
  /** The trial that counts; null = given up without a record. */
  readonly trialId: string | null;
  readonly reused: boolean;
  /** Why it was given up; null otherwise. */
  readonly reason: string | null;
}

/** Slots that may be taken before there are twice as many. */
const MOST_TAKEN = 0.85;
const FREE = -1;
const STATES = ['complete', 'invalid'] as const;

/**
 * Outcomes by position, with the methods of a Map that are asked for. One that is a trial and nothing else, which nearly all are, takes
 * some 15 bytes (a slot of open addressing: the position, and the trial's number with its state); the others are objects.
 */
export class Outcomes {
  readonly #trials: TrialTable;
  readonly #others = new Map<number, Outcome>();
  #positions = new Float64Array(16).fill(FREE);
  /** number × 4 + state × 2 + reused. */
  #words = new Float64Array(16);
  #taken = 0;

  constructor(trials: TrialTable) {
    this.#trials = trials;
  }

  get size(): number {
    return this.#taken + this.#others.size;
  }

  has(position: number): boolean {
    return this.#others.has(position) || this.#positions[this.#slotOf(position)] !== FREE;
  }

  get(position: number): Outcome | undefined {
    const slot = this.#slotOf(position);
    return this.#positions[slot] === FREE ? this.#others.get(position) : this.#read(slot);
  }

  set(position: number, outcome: Outcome): void {
    this.delete(position);
    const { state, trialId, reused, reason } = outcome;
    const number = trialId === null ? undefined : this.#trials.numberOf(trialId);
    if (state === 'failed' || reason !== null || number === undefined) {
      this.#others.set(position, outcome);
      return;
    }
    if (this.#taken + 1 > MOST_TAKEN * this.#positions.length) this.#grow();
    const slot = this.#slotOf(position);
    this.#positions[slot] = position;
    this.#words[slot] = number * 4 + STATES.indexOf(state) * 2 + Number(reused);
    this.#taken += 1;
  }

  delete(position: number): boolean {
    if (this.#others.delete(position)) return true;
    let slot = this.#slotOf(position);
    if (this.#positions[slot] === FREE) return false;
    // What was put further on because of this one moves up, so that it is still found.
    const mask = this.#positions.length - 1;
    this.#positions[slot] = FREE;
    this.#taken -= 1;
    for (slot = (slot + 1) & mask; this.#positions[slot] !== FREE; slot = (slot + 1) & mask) {
      const [moved, word] = [this.#positions[slot]!, this.#words[slot]!];
      this.#positions[slot] = FREE;
      const to = this.#slotOf(moved);
      this.#positions[to] = moved;
      this.#words[to] = word;
    }
    return true;
  }

  *[Symbol.iterator](): Generator<[number, Outcome]> {
    for (let slot = 0; slot < this.#positions.length; slot += 1) {
      if (this.#positions[slot] !== FREE) yield [this.#positions[slot]!, this.#read(slot)];
    }
    yield* this.#others;
  }

  *values(): Generator<Outcome> {
    for (const [, outcome] of this) yield outcome;
  }

  /** Those that are more than a trial: every failed one is among them. */
  others(): IterableIterator<[number, Outcome]> {
    return this.#others.entries();
  }

  #read(slot: number): Outcome {
    const word = this.#words[slot]!;
    const number = Math.floor(word / 4);
    const state = STATES[(word % 4) >> 1]!;
    return { state, trialId: this.#trials.idOf(number), reused: word % 2 === 1, reason: null };
  }

  /** @returns the slot that holds the position, or the free one where it would be. */
  #slotOf(position: number): number {
    const mask = this.#positions.length - 1;
    // Multiplied, for neighbours would stand in a row.
    let slot = Math.imul(position ^ (position / 2 ** 32), 0x9e3779b1) & mask;
    while (this.#positions[slot] !== FREE && this.#positions[slot] !== position) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [positions, words] = [this.#positions, this.#words];
    this.#positions = new Float64Array(2 * positions.length).fill(FREE);
    this.#words = new Float64Array(2 * words.length);
    for (let old = 0; old < positions.length; old += 1) {
      if (positions[old] === FREE) continue;
      const slot = this.#slotOf(positions[old]!);
      this.#positions[slot] = positions[old]!;
      this.#words[slot] = words[old]!;
    }
  }
}
