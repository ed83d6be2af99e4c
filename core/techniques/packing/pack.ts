import { failed } from '../../errors.js';
import { type Matrix, rowOf } from '../pruning/matrix.js';
import type { PackedFormat, PackedMatrix } from './packed.js';
import { type PackedType, packValues } from './values.js';

const MAX_CSR_COLUMNS = 65_536;

/**
 * Packs a pruned matrix: what is not zero is kept, bit for bit where the type holds it.
 * @param name of the matrix, for errors.
 * @throws FailureError `impossible-combination` for a matrix that the format cannot hold: more than two
 *   weights in a group of four, a width that four does not divide, more than 65,536 columns for CSR, 2^32
 *   kept weights.
 */
export function packMatrix(
  name: string,
  matrix: Matrix,
  format: PackedFormat,
  type: PackedType,
): PackedMatrix {
  const { rows, columns } = matrix;
  const problem = unpackable(matrix, format);
  if (problem !== null) {
    const hint = 'Choose another format, or prune with 2:4.';
    throw failed('impossible-combination', `${name}: ${problem}`, hint);
  }
  const starts = format === '2:4' ? evenStarts(rows, columns / 2) : rowStarts(matrix);
  const nonZero = new Float32Array(starts[rows]!);
  const index = INDEXERS[format](matrix, nonZero);
  return { format, rows, columns, index, starts, values: packValues(nonZero, starts, type) };
}

type Indexer = (matrix: Matrix, nonZero: Float32Array) => Uint8Array;

const INDEXERS: Readonly<Record<PackedFormat, Indexer>> = {
  bitmap(matrix, nonZero) {
    const rowBytes = bitmapRowBytes(matrix.columns);
    const index = new Uint8Array(matrix.rows * rowBytes);
    let count = 0;
    for (let row = 0; row < matrix.rows; row++) {
      const values = rowOf(matrix, row);
      for (let c = 0; c < values.length; c++) {
        if (values[c] === 0) continue;
        // A little-endian 64-bit word has bit c in byte c / 8.
        index[row * rowBytes + (c >> 3)]! |= 1 << (c & 7);
        nonZero[count++] = values[c]!;
      }
    }
    return index;
  },
  '2:4'(matrix, nonZero) {
    const rowBytes = Math.ceil(matrix.columns / 8);
    const index = new Uint8Array(matrix.rows * rowBytes);
    let count = 0;
    for (let row = 0; row < matrix.rows; row++) {
      const values = rowOf(matrix, row);
      for (let start = 0; start < values.length; start += 4) {
        const [first, second] = keptOfFour(values, start);
        nonZero[count++] = values[start + first]!;
        nonZero[count++] = values[start + second]!;
        const nibble = first | (second << 2);
        index[row * rowBytes + (start >> 3)]! |= (start & 4) === 0 ? nibble : nibble << 4;
      }
    }
    return index;
  },
  csr(matrix, nonZero) {
    const index = new Uint16Array(nonZero.length);
    let count = 0;
    for (let row = 0; row < matrix.rows; row++) {
      const values = rowOf(matrix, row);
      for (let c = 0; c < values.length; c++) {
        if (values[c] === 0) continue;
        index[count] = c;
        nonZero[count++] = values[c]!;
      }
    }
    return new Uint8Array(index.buffer);
  },
};

/** Two places of a group, ascending, that hold all its weights; zeros fill up from the left. */
function keptOfFour(values: Float32Array, start: number): [number, number] {
  const places: number[] = [];
  for (let i = 0; i < 4; i++) if (values[start + i] !== 0) places.push(i);
  for (let i = 0; places.length < 2; i++) if (!places.includes(i)) places.push(i);
  places.sort();
  return [places[0]!, places[1]!];
}

const bitmapRowBytes = (columns: number) => Math.ceil(columns / 64) * 8;

function evenStarts(rows: number, each: number): Uint32Array {
  return Uint32Array.from({ length: rows + 1 }, (_, row) => row * each);
}

function rowStarts(matrix: Matrix): Uint32Array {
  const starts = new Uint32Array(matrix.rows + 1);
  for (let row = 0; row < matrix.rows; row++) {
    let count = 0;
    for (const value of rowOf(matrix, row)) if (value !== 0) count++;
    starts[row + 1] = starts[row]! + count;
  }
  return starts;
}

function unpackable(matrix: Matrix, format: PackedFormat): string | null {
  const { rows, columns, values } = matrix;
  if (rows * columns >= 2 ** 32)
    return `${rows * columns} weights are more than row starts of 32 bits can count`;
  if (format === 'csr' && columns > MAX_CSR_COLUMNS)
    return `csr has columns of 16 bits, and this matrix has ${columns} columns`;
  if (format !== '2:4') return null;
  if (columns % 4 !== 0) return `2:4 needs a width that divides by 4, and this matrix has ${columns} columns`;
  for (let start = 0; start < values.length; start += 4) {
    let nonZero = 0;
    for (let i = start; i < start + 4; i++) if (values[i] !== 0) nonZero++;
    if (nonZero > 2)
      return `it keeps ${nonZero} of the 4 weights from column ${start % columns} of row ${Math.floor(start / columns)} on, and 2:4 holds two`;
  }
  return null;
}
