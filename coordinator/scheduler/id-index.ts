import { createHash } from 'node:crypto';
import { Column } from './column.js';

/** Entries of one piece of a snapshot. */
const PIECE = 32_768;

/** Slots that may be taken before there are twice as many. */
const MOST_TAKEN = 0.85;
const WORDS = 3;

/**
 * Ids → whole numbers from 0, in some 25 bytes an entry; a Map with its strings takes 150.
 *
 * An id is kept as the 96 bits of the hash that it ends in, or else of its SHA-256, so that two ids are never
 * confused. The table (open addressing with linear probing) holds only the numbers of entries, so making it
 * larger copies no entry. Nothing is ever removed.
 */
export class IdIndex {
  /** One more than the entry; 0 = the slot is free. */
  #slots = new Uint32Array(64);
  /** WORDS for each entry. */
  readonly #keys = new Column((length) => new Uint32Array(length));
  readonly #values = new Column((length) => new Uint32Array(length));

  get size(): number {
    return this.#values.length;
  }

  has(id: string): boolean {
    return this.#slots[this.#slotOf(bitsOf(id))] !== 0;
  }

  get(id: string): number | undefined {
    const entry = this.#slots[this.#slotOf(bitsOf(id))]!;
    return entry === 0 ? undefined : this.#values.at(entry - 1);
  }

  /** @param value from 0, below 2^32. */
  set(id: string, value: number): void {
    this.#put(bitsOf(id), value);
  }

  /** @returns what a snapshot keeps of it: keys, each before one more than its value. */
  *pieces(): Generator<Uint32Array> {
    const each = WORDS + 1;
    for (let from = 0; from < this.size; from += PIECE) {
      const count = Math.min(PIECE, this.size - from);
      const piece = new Uint32Array(each * count);
      for (let i = 0; i < count; i += 1) {
        for (let word = 0; word < WORDS; word += 1)
          piece[each * i + word] = this.#keys.at(WORDS * (from + i) + word);
        piece[each * i + WORDS] = this.#values.at(from + i) + 1;
      }
      yield piece;
    }
  }

  restore(piece: Uint32Array): void {
    for (let at = 0; at < piece.length; at += WORDS + 1)
      this.#put(piece.subarray(at, at + WORDS), piece[at + WORDS]! - 1);
  }

  #put(bits: Uint32Array, value: number): void {
    const slot = this.#slotOf(bits);
    const entry = this.#slots[slot]!;
    if (entry !== 0) {
      this.#values.set(entry - 1, value);
      return;
    }
    for (const word of bits) this.#keys.push(word);
    this.#values.push(value);
    this.#slots[slot] = this.size;
    if (this.size > MOST_TAKEN * this.#slots.length) this.#grow();
  }

  /** @returns the slot that holds the key, or the free one where it would be. */
  #slotOf(bits: Uint32Array): number {
    const [a, b, c] = bits;
    const mask = this.#slots.length - 1;
    let slot = a! & mask;
    for (;;) {
      const entry = this.#slots[slot]!;
      const at = WORDS * (entry - 1);
      if (entry === 0) return slot;
      if (this.#keys.at(at) === a && this.#keys.at(at + 1) === b && this.#keys.at(at + 2) === c) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    this.#slots = new Uint32Array(2 * this.#slots.length);
    const mask = this.#slots.length - 1;
    for (let entry = 0; entry < this.size; entry += 1) {
      let slot = this.#keys.at(WORDS * entry) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = entry + 1;
    }
  }
}

/** Ids of experiments are hashes of ours, and those of trials end in a signature: 96 bits each. */
const HASHED = /[0-9a-f]{24}$/;

/** The id that was asked for last, and its bits: one result is looked for again and again. */
let last = '';
let bitsOfLast = new Uint32Array(WORDS);

function bitsOf(id: string): Uint32Array {
  if (id !== last) [last, bitsOfLast] = [id, computeBits(id)];
  return bitsOfLast;
}

function computeBits(id: string): Uint32Array<ArrayBuffer> {
  if (HASHED.test(id)) {
    const word = (at: number): number => Number.parseInt(id.slice(at - 8, at), 16);
    const { length } = id;
    return Uint32Array.of(word(length), word(length - 8), word(length - 16));
  }
  const { buffer, byteOffset } = createHash('sha256').update(id).digest();
  return new Uint32Array(buffer.slice(byteOffset, byteOffset + 4 * WORDS));
}
