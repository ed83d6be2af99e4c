import type { Mask } from './mask.js';

/** What swaps did to the mask of one layer, with one value per row. */
export interface Refinement {
  /** The mask that they started from. */
  readonly initialMask: Mask;
  readonly mask: Mask;
  readonly swaps: Int32Array;
  /** Most swaps of a row. */
  readonly maxSwaps: number;
  /** d H dᵀ, d = W − W′, under the first mask and under the last. */
  readonly squaresBefore: Float64Array;
  readonly squaresAfter: Float64Array;
}
