import type { Exchange } from './dsnot/exchange.js';
import type { DsnotSettings } from './dsnot/settings.js';
import type { Hessian, InverseFactor } from './hessian.js';
import type { Mask } from './mask.js';
import type { Matrix } from './matrix.js';
import type { Pattern } from './pattern.js';
import type { Score } from './scores.js';
import type { ChannelStatistics } from './statistics.js';

/**
 * The heavy parts of pruning, which `kernels/pruning` computes (decision 0006); test/support/pruning has them
 * once more in TypeScript, as the reference. Inputs have passed the door (`checkLayer`).
 */
export interface PruningEngine {
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
