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
   * @returns false where it lies on a device and its rows would have to move: the tokens have to be computed
   *   anew.
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
function cacheShape(tensor: CacheTensor, sequences: number, tokens: number): number[] {
  const { past, tokenAxis, batchAxis } = tensor;
  const open = (size: unknown, axis: number) => (axis === batchAxis ? sequences : (size as number));
  return past.shape.map((size, axis) => (axis === tokenAxis ? tokens : open(size, axis)));
}

/**
 * Two sides: a pass reads one and writes the other, whole, for a graph gives the cache anew with each pass.
 * Values are laid over their memory once for every length, and kept.
 */
export function twoSided(memory: Memory, { tensors, place, sequences, capacity }: Layout): Cache {
  const shape = (tensor: CacheTensor, tokens: number) => cacheShape(tensor, sequences, tokens);
  const sizes = tensors.map((tensor) => tensorBytes(tensor.past.type!, shape(tensor, capacity)));
  const blocks = (): readonly Block[] => sizes.map((size) => memory.blockAt(place, size));
  const sides = [blocks(), blocks()];
  const converted = new Map<string, BigUint64Array>();
  let side = 0;
  const forget = () => {
    for (const values of converted.values()) for (const value of values) memory.release(value);
    converted.clear();
  };
  const shapesAt = (which: number, length: number): BigUint64Array => {
    const key = `${which} ${length}`;
    const known = converted.get(key);
    if (known !== undefined) return known;
    const laid = (tensor: CacheTensor, i: number) =>
      memory.value(sides[which]![i]!, tensor.past.type!, shape(tensor, length));
    const made = BigUint64Array.from(tensors, laid);
    converted.set(key, made);
    return made;
  };
  return {
    bytes: 2 * sizes.reduce((sum, size) => sum + size, 0),
    values(length, count) {
      if (converted.size > MOST_KEPT) forget();
      return { past: shapesAt(side, length), present: shapesAt(1 - side, length + count) };
    },
    advance() {
      side = 1 - side;
    },
    cut(length, keep) {
      for (const [i, tensor] of tensors.entries()) {
        const { bytes } = sides[side]![i]!;
        if (bytes === null) return false;
        const { tokenAxis, past } = tensor;
        const one = shape(tensor, 1);
        const product = (numbers: readonly number[]) => numbers.reduce((a, b) => a * b, 1);
        const rows = product(one.slice(0, tokenAxis));
        const token = (product(one.slice(tokenAxis + 1)) * ELEMENTS[past.type!]!.bits) / 8;
        for (let row = 1; row < rows; row++) {
          const from = row * length * token;
          bytes.copyWithin(row * keep * token, from, from + keep * token);
        }
      }
      return true;
    },
    close: forget,
  };
}

/**
 * One side that is read and written in place: GroupQueryAttention adds its tokens where past and present are
 * the same memory.
 */
export function inPlace(memory: Memory, { tensors, place, sequences, capacity }: Layout): Cache {
  let bytes = 0;
  const values = BigUint64Array.from(tensors, (tensor) => {
    const shape = cacheShape(tensor, sequences, capacity);
    const size = tensorBytes(tensor.past.type!, shape);
    bytes += size;
    return memory.value(memory.blockAt(place, size), tensor.past.type!, shape);
  });
  return {
    bytes,
    values: () => ({ past: values, present: values }),
    advance() {},
    // What lies behind the length is not looked at.
    cut: () => true,
    close() {
      for (const value of values) memory.release(value);
    },
  };
}
