/** A linear layer's weights W in y = W x: row-major, one row per output, one column per input channel. */
export interface Matrix {
  /** Output features. */
  readonly rows: number;
  /** Input features (channels). */
  readonly columns: number;
  /** rows · columns values. */
  readonly values: Float32Array;
}

/** @returns a matrix with its own copy of the values. */
export function copyOf(matrix: Matrix): Matrix {
  return { ...matrix, values: matrix.values.slice() };
}

/** @returns a view of one row; writing to it writes to the matrix. */
export function rowOf(matrix: Matrix, row: number): Float32Array {
  return matrix.values.subarray(row * matrix.columns, (row + 1) * matrix.columns);
}
