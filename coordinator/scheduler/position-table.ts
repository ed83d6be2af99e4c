import { Column } from './column.js';

/** Entries of one piece of a snapshot. */
const PIECE = 32_768;

/** Slots that may be taken before there are twice as many. */
const MOST_TAKEN = 0.85;

/**
 * Positions → numbers, with those methods of a Map that are needed, in some 25 bytes an entry where a Map
 * takes 50. The table (open addressing with linear probing) holds only the numbers of entries, so making it
 * larger copies no entry.
 */
export class PositionTable {
  /** One more than the entry; 0 = the slot is free. */
  #slots = new Uint32Array(16);
  readonly #positions = new Column((length) => new Float64Array(length));
  readonly #values = new Column((length) => new Float64Array(length));

  get size(): number {
    return this.#positions.length;
  }

  has(position: number): boolean {
    return this.#slots[this.#slotOf(position)] !== 0;
  }

  get(position: number): number | undefined {
    const entry = this.#slots[this.#slotOf(position)]!;
    return entry === 0 ? undefined : this.#values.at(entry - 1);
  }

  /** @param position a whole number from 0. */
  set(position: number, value: number): void {
    const slot = this.#slotOf(position);
    const entry = this.#slots[slot]!;
    if (entry !== 0) {
      this.#values.set(entry - 1, value);
      return;
    }
    this.#positions.push(position);
    this.#values.push(value);
    this.#slots[slot] = this.size;
    if (this.size > MOST_TAKEN * this.#slots.length) this.#grow();
  }

  delete(position: number): boolean {
    const slot = this.#slotOf(position);
    const entry = this.#slots[slot]!;
    if (entry === 0) return false;
    // The last one takes its place among the entries.
    const last = this.size;
    if (entry !== last) {
      const moved = this.#positions.at(last - 1);
      this.#slots[this.#slotOf(moved)] = entry;
      this.#positions.set(entry - 1, moved);
      this.#values.set(entry - 1, this.#values.at(last - 1));
    }
    this.#positions.pop();
    this.#values.pop();
    this.#free(slot);
    return true;
  }

  /** What was put further on because of a slot moves up, so that it is still found. */
  #free(freed: number): void {
    const mask = this.#slots.length - 1;
    this.#slots[freed] = 0;
    for (let slot = (freed + 1) & mask; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]!;
      this.#slots[slot] = 0;
      this.#slots[this.#slotOf(this.#positions.at(entry - 1))] = entry;
    }
  }

  *[Symbol.iterator](): Generator<[position: number, value: number]> {
    for (let entry = 0; entry < this.size; entry += 1)
      yield [this.#positions.at(entry), this.#values.at(entry)];
  }

  /** @returns what a snapshot keeps of it: positions, each before its value. */
  *pieces(): Generator<Float64Array> {
    for (let from = 0; from < this.size; from += PIECE) {
      const piece = new Float64Array(2 * Math.min(PIECE, this.size - from));
      for (let at = 0; at < piece.length; at += 2) {
        piece[at] = this.#positions.at(from + at / 2);
        piece[at + 1] = this.#values.at(from + at / 2);
      }
      yield piece;
    }
  }

  restore(piece: Float64Array): void {
    for (let at = 0; at < piece.length; at += 2) this.set(piece[at]!, piece[at + 1]!);
  }

  /** @returns the slot that holds the position, or the free one where it would be. */
  #slotOf(position: number): number {
    const mask = this.#slots.length - 1;
    // Multiplied, for neighbours would stand in a row.
    let slot = Math.imul(position ^ (position / 2 ** 32), 0x9e3779b1) & mask;
    for (;;) {
      const entry = this.#slots[slot]!;
      if (entry === 0 || this.#positions.at(entry - 1) === position) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    this.#slots = new Uint32Array(2 * this.#slots.length);
    for (let entry = 0; entry < this.size; entry += 1)
      this.#slots[this.#slotOf(this.#positions.at(entry))] = entry + 1;
  }
}
