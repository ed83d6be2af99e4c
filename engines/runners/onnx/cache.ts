import type { Place } from '../../native/onnxruntime/session.js';
import { ELEMENTS, tensorBytes } from '../../native/onnxruntime/tensors.js';
import type { Block, Memory } from './memory.js';
import type { CacheTensor } from './signature.js';

/** Lengths whose values are kept; beyond that all are made again. */
const MOST_KEPT = 4096;

/** Keys and values of all layers, in memory that is allocated once. */
export interface Cache {
  /** Bytes that it holds. */
  readonly bytes: number;
  /** What goes into a pass over `count` tokens after `length`, and what comes out of it. */
  values(length: number, count: number): { readonly past: BigUint64Array; readonly present: BigUint64Array };
  /** What came out is what goes in next. */
  advance(): void;
  /**
   * Cuts every sequence from `length` tokens back to the first `keep`.
   * @returns false where it lies on a device and its rows would have to move: the tokens have to be computed anew.
   */
  cut(length: number, keep: number): boolean;
  /** Values that no longer are valid when it is emptied. */
  close(): void;
}

interface Layout {
  readonly tensors: readonly CacheTensor[];
  /** Where the session wants it; null = on the CPU. */
  readonly place: Place | null;
  readonly sequences: number;
  /** Tokens that each sequence has room for. */
  readonly capacity: number;
}

/** @returns sizes of a tensor that holds so many tokens of each sequence. */
export function cacheShape(
  { past, tokenAxis, batchAxis }: CacheTensor,
  sequences: number,
  tokens: number,
): number[] {
  return past.shape.map((size, axis) =>
    axis === tokenAxis ? tokens : axis === batchAxis ? sequences : (size as number),
  );
}

/**
 * Two sides: a pass reads one and writes the other, whole, for a graph gives the cache anew with each pass. Values are laid over
 * their memory once for every length, and kept.
 */
export class TwoSided implements Cache {
  readonly bytes: number;
  readonly #memory: Memory;
  readonly #layout: Layout;
  readonly #sides: readonly (readonly Block[])[];
  readonly #converted = new Map<string, BigUint64Array>();
  #side = 0;

  constructor(memory: Memory, layout: Layout) {
    this.#memory = memory;
    this.#layout = layout;
    const { tensors, place, sequences, capacity } = layout;
    const sizes = tensors.map((tensor) =>
      tensorBytes(tensor.past.type!, cacheShape(tensor, sequences, capacity)),
    );
    this.#sides = [0, 1].map(() => sizes.map((size) => memory.blockAt(place, size)));
    this.bytes = 2 * sizes.reduce((sum, size) => sum + size, 0);
  }

  values(length: number, count: number) {
    if (this.#converted.size > MOST_KEPT) this.#forget();
    return { past: this.#at(this.#side, length), present: this.#at(1 - this.#side, length + count) };
  }

  advance(): void {
    this.#side = 1 - this.#side;
  }

  cut(length: number, keep: number): boolean {
    const { tensors, sequences } = this.#layout;
    for (const [i, tensor] of tensors.entries()) {
      const { bytes } = this.#sides[this.#side]![i]!;
      if (bytes === null) return false;
      const { tokenAxis, past } = tensor;
      const shape = cacheShape(tensor, sequences, 1);
      const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);
      const rows = product(shape.slice(0, tokenAxis));
      const token = (product(shape.slice(tokenAxis + 1)) * ELEMENTS[past.type!]!.bits) / 8;
      for (let row = 1; row < rows; row++) {
        const from = row * length * token;
        bytes.copyWithin(row * keep * token, from, from + keep * token);
      }
    }
    return true;
  }

  close(): void {
    this.#forget();
  }

  #at(side: number, length: number): BigUint64Array {
    const key = `${side} ${length}`;
    const known = this.#converted.get(key);
    if (known !== undefined) return known;
    const { tensors, sequences } = this.#layout;
    const made = BigUint64Array.from(tensors, (tensor, i) =>
      this.#memory.value(this.#sides[side]![i]!, tensor.past.type!, cacheShape(tensor, sequences, length)),
    );
    this.#converted.set(key, made);
    return made;
  }

  #forget(): void {
    for (const values of this.#converted.values()) {
      for (const value of values) this.#memory.release(value);
    }
    this.#converted.clear();
  }
}

/** One side that is read and written in place: GroupQueryAttention adds its tokens where past and present are the same memory. */
export class InPlace implements Cache {
  readonly bytes: number;
  readonly #memory: Memory;
  readonly #values: BigUint64Array;

  constructor(memory: Memory, { tensors, place, sequences, capacity }: Layout) {
    this.#memory = memory;
    const shapes = tensors.map((tensor) => cacheShape(tensor, sequences, capacity));
    const sizes = tensors.map((tensor, i) => tensorBytes(tensor.past.type!, shapes[i]!));
    this.bytes = sizes.reduce((sum, size) => sum + size, 0);
    this.#values = BigUint64Array.from(tensors, (tensor, i) =>
      memory.value(memory.blockAt(place, sizes[i]!), tensor.past.type!, shapes[i]!),
    );
  }

  values() {
    return { past: this.#values, present: this.#values };
  }

  advance(): void {}

  /** What lies behind the length is not looked at. */
  cut(): boolean {
    return true;
  }

  close(): void {
    for (const value of this.#values) this.#memory.release(value);
  }
}
