import { createHash } from 'node:crypto';

/** Entries of one piece of a snapshot. */
const PIECE = 32_768;

/** Slots that may be taken before there are twice as many. */
const MOST_TAKEN = 0.85;
const WORDS = 3;

/**
 * Ids → whole numbers from 0, in some 20 bytes an entry where a Map with its strings takes 150: an id is kept as the 96 bits
 * of the hash that it ends in, or else of its SHA-256, so that two are never taken for one. Open addressing with linear probing; nothing is ever taken out.
 */
export class IdIndex {
  #keys = new Uint32Array(WORDS * 64);
  /** One more than the number; 0 = the slot is free. */
  #values = new Uint32Array(64);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(id: string): boolean {
    return this.get(id) !== undefined;
  }

  get(id: string): number | undefined {
    const value = this.#values[this.#slotOf(bitsOf(id))]!;
    return value === 0 ? undefined : value - 1;
  }

  /** @param value from 0, below 2^32 - 1. */
  set(id: string, value: number): void {
    this.#put(bitsOf(id), value + 1);
  }

  /** @returns what a snapshot keeps of it: keys, each before its value. */
  *pieces(): Generator<Uint32Array> {
    const size = WORDS + 1;
    let [piece, at] = [new Uint32Array(size * PIECE), 0];
    for (let slot = 0; slot < this.#values.length; slot += 1) {
      if (this.#values[slot] === 0) continue;
      for (let word = 0; word < WORDS; word += 1) piece[at + word] = this.#keys[WORDS * slot + word]!;
      piece[at + WORDS] = this.#values[slot]!;
      at += size;
      if (at < piece.length) continue;
      yield piece;
      [piece, at] = [new Uint32Array(size * PIECE), 0];
    }
    if (at > 0) yield piece.subarray(0, at);
  }

  restore(piece: Uint32Array): void {
    for (let at = 0; at < piece.length; at += WORDS + 1)
      this.#put(piece.subarray(at, at + WORDS), piece[at + WORDS]!);
  }

  #put(bits: Uint32Array, value: number): void {
    let slot = this.#slotOf(bits);
    if (this.#values[slot] === 0) {
      if (this.#size + 1 > MOST_TAKEN * this.#values.length) {
        this.#grow();
        slot = this.#slotOf(bits);
      }
      this.#keys.set(bits, WORDS * slot);
      this.#size += 1;
    }
    this.#values[slot] = value;
  }

  /** @returns the slot that holds the key, or the free one where it would be. */
  #slotOf(bits: Uint32Array): number {
    const [a, b, c] = bits;
    const mask = this.#values.length - 1;
    let slot = a! & mask;
    while (this.#values[slot] !== 0) {
      const at = WORDS * slot;
      if (this.#keys[at] === a && this.#keys[at + 1] === b && this.#keys[at + 2] === c) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Uint32Array(2 * keys.length);
    this.#values = new Uint32Array(2 * values.length);
    for (let old = 0; old < values.length; old += 1) {
      if (values[old] === 0) continue;
      const bits = keys.subarray(WORDS * old, WORDS * (old + 1));
      const slot = this.#slotOf(bits);
      this.#keys.set(bits, WORDS * slot);
      this.#values[slot] = values[old]!;
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
