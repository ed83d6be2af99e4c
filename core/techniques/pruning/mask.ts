import type { Matrix } from './matrix.js';

/**
 * Which weights of a layer are pruned, one bit per weight: bit c % 8 (least significant first) of byte c >> 3
 * of a row; 1 = pruned. Rows begin at whole bytes, so that threads can write rows side by side.
 */
export interface Mask {
  readonly rows: number;
  readonly columns: number;
  /** ceil(columns / 8). */
  readonly rowBytes: number;
  readonly bits: Uint8Array;
}

/** @returns a mask that prunes nothing. */
export function emptyMask(rows: number, columns: number): Mask {
  const rowBytes = (columns + 7) >> 3;
  return { rows, columns, rowBytes, bits: new Uint8Array(rows * rowBytes) };
}

/** Writes a row from one flag per column (1 = pruned). */
export function packRow(mask: Mask, row: number, flags: Uint8Array): void {
  const start = row * mask.rowBytes;
  mask.bits.fill(0, start, start + mask.rowBytes);
  for (let c = 0; c < mask.columns; c++) {
    if (flags[c] === 1) mask.bits[start + (c >> 3)]! |= 1 << (c & 7);
  }
}

const BITS_SET = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) count++;
  return count;
});

/** @returns how many weights of the row are pruned. */
export function prunedInRow(mask: Mask, row: number): number {
  let count = 0;
  const start = row * mask.rowBytes;
  for (let i = start; i < start + mask.rowBytes; i++) count += BITS_SET[mask.bits[i]!]!;
  return count;
}

/** @returns how many weights one mask prunes and the other keeps. */
export function differences(a: Mask, b: Mask): number {
  let count = 0;
  for (let i = 0; i < a.bits.length; i++) count += BITS_SET[a.bits[i]! ^ b.bits[i]!]!;
  return count;
}

/** Calls `visit` with the index in the matrix of every pruned weight of the row, from left to right. */
export function forEachPruned(mask: Mask, row: number, visit: (at: number, column: number) => void): void {
  const start = row * mask.rowBytes;
  for (let byte = 0; byte < mask.rowBytes; byte++) {
    for (let bits = mask.bits[start + byte]!, bit = 0; bits !== 0; bits >>= 1, bit++) {
      const column = (byte << 3) + bit;
      if ((bits & 1) === 1) visit(row * mask.columns + column, column);
    }
  }
}

/** Gives pruned weights their dense values, in place: those are what they come back with. */
export function regrow(weights: Matrix, dense: Matrix, mask: Mask): void {
  for (let row = 0; row < weights.rows; row++) {
    forEachPruned(mask, row, (at) => {
      weights.values[at] = dense.values[at]!;
    });
  }
}

/** Sets every pruned weight to 0, in place. */
export function applyMask({ rows, values }: Matrix, mask: Mask): void {
  for (let row = 0; row < rows; row++) {
    forEachPruned(mask, row, (at) => {
      values[at] = 0;
    });
  }
}
