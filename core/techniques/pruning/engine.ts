import type { Exchange, GivenMask } from './dsnot/exchange.js';
import type { DsnotSettings } from './dsnot/settings.js';
import type { Hessian, InverseFactor } from './hessian.js';
import type { Mask } from './mask.js';
import type { Matrix } from './matrix.js';
import type { Pattern } from './pattern.js';
import type { Refinement } from './refinement.js';
import type { Score } from './scores.js';
import type { ChannelStatistics } from './statistics.js';

/**
 * The heavy parts of pruning, which `kernels/pruning` computes (decision 0006); test/support/pruning has them
 * once more in TypeScript, as the reference. Inputs have passed the door (`checkLayer`).
 */
export interface PruningEngine {
  selectByRow(weights: Matrix, score: Score, pattern: Pattern): Mask;
  /** @param initial the score of the first mask, or the mask itself. */
  dsnot(
    weights: Matrix,
    statistics: ChannelStatistics,
    initial: Score | GivenMask,
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
  /**
   * Makes the best swap of a pruned and a kept weight of each row, of N:M within a group, until none lowers d
   * H dᵀ by more than 1e-12 · Σ W² H_jj, d = dense − pruned weights. Swapping u in and p out changes it by
   * w_u² H_uu − 2 w_u c_u + w_p² H_pp + 2 w_p c_p − 2 w_u w_p H_up, c = H d (arXiv 2512.10922); of equal
   * pairs the first is taken.
   * @param values what every weight is where it is kept: the dense weights, or those that a method updated.
   */
  swaps(
    dense: Matrix,
    values: Matrix,
    initialMask: Mask,
    hessian: Hessian,
    pattern: Pattern,
    maxSwaps: number,
  ): Refinement;
  /** @returns d H dᵀ of every row, d = weights − other; null stands for zeros. */
  squaredOutput(weights: Matrix, other: Matrix | null, hessian: Hessian): Float64Array;
}
