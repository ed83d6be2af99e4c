import type { PackedValues } from './values.js';

/** Formats that keep only what pruning left. */
export const PACKED_FORMATS = ['bitmap', '2:4', 'csr'] as const;
export type PackedFormat = (typeof PACKED_FORMATS)[number];

/**
 * A matrix without its zeros, row by row.
 * - `bitmap`: index = ceil(columns / 64) 64-bit words a row, bit c % 64 (least significant first) of word c /
 *   64 set where weight c is kept; stored as bytes, little-endian.
 * - `2:4`: two weights of every group of four, zeros among them where fewer are left; index = their places in
 *   the group, two bits each, the first weight in the lowest bits: half a byte a group, rows padded to whole
 *   bytes.
 * - `csr`: index = a 16-bit column for each kept weight.
 */
export interface PackedMatrix {
  readonly format: PackedFormat;
  readonly rows: number;
  readonly columns: number;
  readonly index: Uint8Array;
  /** Where the kept weights of each row begin, and at last their number: rows + 1 of them. */
  readonly starts: Uint32Array;
  readonly values: PackedValues;
}

/** Bytes of a packed matrix by what they are for. */
export interface PackedBytes {
  readonly values: number;
  readonly index: number;
  /**
   * Row starts and scales, which a kernel needs to begin in the middle. 2:4 has no row starts: each row is as
   * long.
   */
  readonly rows: number;
  readonly total: number;
}

/** @returns the exact bytes that a file holds of the matrix. */
export function packedBytes({ format, index, starts, values }: PackedMatrix): PackedBytes {
  const rows = (format === '2:4' ? 0 : starts.byteLength) + (values.scales?.byteLength ?? 0);
  const sizes = { values: values.bytes.length, index: index.length, rows };
  return { ...sizes, total: sizes.values + sizes.index + sizes.rows };
}

/**
 * @returns the bits of a weight of the dense matrix without what is stored once a row; p = share of zeros.
 */
export function idealBitsPerWeight(format: PackedFormat, bits: number, p: number): number {
  if (format === 'bitmap') return 1 + bits * (1 - p);
  if (format === 'csr') return (bits + 16) * (1 - p);
  return (bits + 2) / 2;
}
