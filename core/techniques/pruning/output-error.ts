import type { PruningEngine } from './engine.js';
import type { Hessian } from './hessian.js';
import { type Matrix, rowOf } from './matrix.js';
import type { ChannelStatistics } from './statistics.js';

/**
 * @returns d H dᵀ of every row, d = W − W′: its squared output error, summed over all calibration tokens, times
 * 2 / sequences. The portable form of `PruningEngine.squaredOutput`.
 * @param other null stands for zeros.
 */
export function squaredOutput(weights: Matrix, other: Matrix | null, hessian: Hessian): Float64Array {
  const { rows, columns } = weights;
  const h = hessian.values;
  const d = new Float64Array(columns);
  const sums = new Float64Array(columns);
  return Float64Array.from({ length: rows }, (_, row) => {
    const own = rowOf(weights, row);
    const others = other === null ? null : rowOf(other, row);
    for (let j = 0; j < columns; j++) d[j] = own[j]! - (others === null ? 0 : others[j]!);
    sums.fill(0);
    for (let i = 0; i < columns; i++) {
      const value = d[i]!;
      if (value === 0) continue;
      for (let j = i, at = i * columns + i; j < columns; j++, at++) sums[j]! += value * h[at]!;
    }
    // Only the upper triangle is there: d H dᵀ = 2 Σ_{i≤j} d_i H_ij d_j − Σ_j H_jj d_j².
    let total = 0;
    for (let j = 0; j < columns; j++) total += d[j]! * (2 * sums[j]! - h[j * columns + j]! * d[j]!);
    return total;
  });
}

/** How far a layer's output is from the dense one's, over all calibration tokens. */
export interface CalibratedError {
  /** Mean over tokens and rows of ((W − W′) x)². */
  readonly meanSquare: number;
  /** ‖(W − W′) X‖ / ‖W X‖, Frobenius norms; null when the dense output is zero. */
  readonly relative: number | null;
}

/** Output errors of one dense layer, whose own output is squared once. */
export class OutputErrors {
  readonly #engine: PruningEngine;
  readonly #dense: Matrix;
  readonly #hessian: Hessian;
  /** From d H dᵀ, which has a factor of 2 / sequences, to a mean over tokens and rows. */
  readonly #scale: number;
  readonly #denseSquare: number;

  constructor(engine: PruningEngine, dense: Matrix, hessian: Hessian, statistics: ChannelStatistics) {
    this.#engine = engine;
    this.#dense = dense;
    this.#hessian = hessian;
    this.#scale = statistics.sequences / (2 * statistics.tokens * dense.rows);
    this.#denseSquare = this.#meanSquare(null);
  }

  of(pruned: Matrix): CalibratedError {
    const meanSquare = this.#meanSquare(pruned);
    return {
      meanSquare,
      relative: this.#denseSquare > 0 ? Math.sqrt(meanSquare / this.#denseSquare) : null,
    };
  }

  #meanSquare(pruned: Matrix | null): number {
    let sum = 0;
    for (const square of this.#engine.squaredOutput(this.#dense, pruned, this.#hessian)) sum += square;
    // Rounding may leave a little less than nothing.
    return Math.max(0, sum * this.#scale);
  }
}
