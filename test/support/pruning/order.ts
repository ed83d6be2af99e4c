/** Below this many values, clearing and summing 3 · 2048 counters costs more than a fourth pass. */
const WIDE_DIGITS_FROM = 2048;

/**
 * A float's bits as an unsigned integer of the same order. −0 equals 0 and every NaN comes last, as torch
 * sorts.
 */
function sortKey(bits: number): number {
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0xffffffff;
  if (magnitude === 0) return 0x80000000;
  return (bits > 0x7fffffff ? ~bits : bits | 0x80000000) >>> 0;
}

/**
 * Stable ascending order of float32 values by a radix sort (three digits of 11 bits, four of 8 for short
 * lists): linear in the number of values, equal values keep their order. One instance holds the scratch
 * memory of one thread.
 */
export class StableOrder {
  #keys: Uint32Array;
  #otherKeys: Uint32Array;
  #otherOrder: Int32Array;
  readonly #digitBits: number;
  readonly #passes: number;
  readonly #counts: Uint32Array;

  /** @param capacity the most values of one sort. */
  constructor(capacity: number) {
    this.#keys = new Uint32Array(capacity);
    this.#otherKeys = new Uint32Array(capacity);
    this.#otherOrder = new Int32Array(capacity);
    this.#digitBits = capacity < WIDE_DIGITS_FROM ? 8 : 11;
    this.#passes = Math.ceil(32 / this.#digitBits);
    this.#counts = new Uint32Array(this.#passes << this.#digitBits);
  }

  /** Sorts `order`, a list of positions in `values`, in place. */
  sort(values: Float32Array, order: Int32Array): void {
    const count = order.length;
    const digitBits = this.#digitBits;
    const passes = this.#passes;
    const digit = (1 << digitBits) - 1;
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const counts = this.#counts.fill(0);
    let keys = this.#keys;
    let otherKeys = this.#otherKeys;
    for (let i = 0; i < count; i++) {
      const key = sortKey(bits[order[i]!]!);
      keys[i] = key;
      for (let pass = 0; pass < passes; pass++) {
        counts[(pass << digitBits) + ((key >>> (pass * digitBits)) & digit)]!++;
      }
    }
    let from = order;
    let to = this.#otherOrder.subarray(0, count);
    for (let pass = 0; pass < passes; pass++) {
      const shift = pass * digitBits;
      const base = pass << digitBits;
      if (count > 0 && counts[base + ((keys[0]! >>> shift) & digit)] === count) continue;
      let start = 0;
      for (let b = base; b <= base + digit; b++) {
        const size = counts[b]!;
        counts[b] = start;
        start += size;
      }
      for (let i = 0; i < count; i++) {
        const key = keys[i]!;
        const at = counts[base + ((key >>> shift) & digit)]!++;
        otherKeys[at] = key;
        to[at] = from[i]!;
      }
      [keys, otherKeys] = [otherKeys, keys];
      [from, to] = [to, from];
    }
    if (from !== order) order.set(from);
  }
}

/** Writes 0, 1, 2 … into the list. */
export function identity(order: Int32Array): Int32Array {
  for (let i = 0; i < order.length; i++) order[i] = i;
  return order;
}
