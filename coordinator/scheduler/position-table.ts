/** Entries of one piece of a snapshot. */
const PIECE = 32_768;

/** Slots that may be taken before there are twice as many. */
const MOST_TAKEN = 0.85;
const FREE = -1;

/**
 * Positions → numbers, with the methods of a Map that are asked for, in some 20 bytes an entry where a Map takes 50: open addressing
 * with linear probing.
 */
export class PositionTable {
  #positions = new Float64Array(16).fill(FREE);
  #values = new Float64Array(16);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(position: number): boolean {
    return this.#positions[this.#slotOf(position)] !== FREE;
  }

  get(position: number): number | undefined {
    const slot = this.#slotOf(position);
    return this.#positions[slot] === FREE ? undefined : this.#values[slot]!;
  }

  /** @param position a whole number from 0. */
  set(position: number, value: number): void {
    let slot = this.#slotOf(position);
    if (this.#positions[slot] === FREE) {
      if (this.#size + 1 > MOST_TAKEN * this.#positions.length) {
        this.#grow();
        slot = this.#slotOf(position);
      }
      this.#positions[slot] = position;
      this.#size += 1;
    }
    this.#values[slot] = value;
  }

  delete(position: number): boolean {
    let slot = this.#slotOf(position);
    if (this.#positions[slot] === FREE) return false;
    // What was put further on because of this one moves up, so that it is still found.
    const mask = this.#positions.length - 1;
    this.#positions[slot] = FREE;
    this.#size -= 1;
    for (slot = (slot + 1) & mask; this.#positions[slot] !== FREE; slot = (slot + 1) & mask) {
      const [moved, value] = [this.#positions[slot]!, this.#values[slot]!];
      this.#positions[slot] = FREE;
      const to = this.#slotOf(moved);
      this.#positions[to] = moved;
      this.#values[to] = value;
    }
    return true;
  }

  *[Symbol.iterator](): Generator<[position: number, value: number]> {
    for (let slot = 0; slot < this.#positions.length; slot += 1) {
      if (this.#positions[slot] !== FREE) yield [this.#positions[slot]!, this.#values[slot]!];
    }
  }

  /** @returns what a snapshot keeps of it: positions, each before its value. */
  *pieces(): Generator<Float64Array> {
    let [piece, at] = [new Float64Array(2 * PIECE), 0];
    for (const [position, value] of this) {
      piece[at] = position;
      piece[at + 1] = value;
      at += 2;
      if (at < piece.length) continue;
      yield piece;
      [piece, at] = [new Float64Array(2 * PIECE), 0];
    }
    if (at > 0) yield piece.subarray(0, at);
  }

  restore(piece: Float64Array): void {
    for (let at = 0; at < piece.length; at += 2) this.set(piece[at]!, piece[at + 1]!);
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
    const [positions, values] = [this.#positions, this.#values];
    this.#positions = new Float64Array(2 * positions.length).fill(FREE);
    this.#values = new Float64Array(2 * values.length);
    for (let old = 0; old < positions.length; old += 1) {
      if (positions[old] === FREE) continue;
      const slot = this.#slotOf(positions[old]!);
      this.#positions[slot] = positions[old]!;
      this.#values[slot] = values[old]!;
    }
  }
}
