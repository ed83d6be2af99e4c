import { dsnot, type Exchange } from './dsnot/dsnot.js';
import type { DsnotSettings } from './dsnot/settings.js';
import { type AddProducts, addProducts, type Hessian, type InverseFactor, inverseFactor } from './hessian.js';
import type { Mask } from './mask.js';
import type { Matrix } from './matrix.js';
import { squaredOutput } from './output-error.js';
import type { Pattern } from './pattern.js';
import type { Score } from './scores.js';
import { selectByRow } from './selection.js';
import { sparseGpt } from './sparsegpt.js';
import type { ChannelStatistics } from './statistics.js';

/**
 * The heavy parts of pruning. Two engines exist: this portable one, and a native one with threads that gives the same
 * bits for masks. Inputs have passed the door (`checkLayer`).
 */
export interface PruningEngine {
  readonly name: string;
  /** For a `HessianAccumulator`. */
  readonly addProducts: AddProducts;
  selectByRow(weights: Matrix, score: Score, pattern: Pattern): Mask;
  dsnot(
    weights: Matrix,
    statistics: ChannelStatistics,
    initial: Score,
    pattern: Pattern,
    settings: DsnotSettings,
  ): Exchange;
  inverseFactor(hessian: Hessian, damping: number): InverseFactor;
  sparseGpt(
    weights: Matrix,
    factor: InverseFactor,
    pattern: Pattern,
    blockColumns: number,
  ): { mask: Mask; weights: Matrix };
  /** @returns d H dᵀ of every row, d = weights − other; null stands for zeros. */
  squaredOutput(weights: Matrix, other: Matrix | null, hessian: Hessian): Float64Array;
}

/** One thread, no native code, the reference of every other engine. */
export const PORTABLE: PruningEngine = {
  name: 'portable',
  addProducts,
  selectByRow,
  dsnot,
  inverseFactor,
  sparseGpt,
  squaredOutput,
};
