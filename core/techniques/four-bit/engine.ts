import type { InverseFactor } from '../pruning/hessian.js';
import type { Matrix } from '../pruning/matrix.js';
import type { FourBitName } from './formats.js';

/** A matrix in four bits. */
export interface FourBitMatrix {
  readonly format: FourBitName;
  readonly rows: number;
  readonly columns: number;
  /**
   * rows · columns, one byte for each: E2M1 with the sign in front, or of IF4 an integer, two’s complement.
   */
  readonly codes: Uint8Array;
  /** One byte for each block, row by row. */
  readonly scales: Uint8Array;
  /** What every scale is multiplied by. */
  readonly tensorScale: number;
}

/**
 * The heavy parts of quantizing to four bits, which `kernels/fourbit` computes; test/support/four-bit has
 * them once more in TypeScript, as the reference. Columns are whole blocks: the caller has checked.
 */
export interface FourBitEngine {
  /**
   * Rounds every weight to the nearest value of its block.
   * @param search whether a block gets the scale of the least squared error instead of the prescribed one.
   */
  round(weights: Matrix, format: FourBitName, search: boolean): FourBitMatrix;
  /**
   * GPTQ (arXiv 2210.17323): rounds column by column, and the weights right of a column make up for its
   * error. A block gets the scale of the least squared error when it is its turn.
   */
  gptq(weights: Matrix, factor: InverseFactor, format: FourBitName, blockColumns: number): FourBitMatrix;
  /** @returns the values that codes and scales stand for, rows · columns. */
  valuesOf(matrix: FourBitMatrix): Float32Array;
}
