import type { PruningEngine } from './engine.js';
import type { Hessian } from './hessian.js';
import type { Matrix } from './matrix.js';
import type { ChannelStatistics } from './statistics.js';

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

  errorOf(pruned: Matrix): CalibratedError {
    return this.#errorOf(this.#meanSquare(pruned));
  }

  /** @param squares d H dᵀ of every row. */
  errorOfSquares(squares: Float64Array): CalibratedError {
    return this.#errorOf(this.#meanOf(squares));
  }

  #errorOf(meanSquare: number): CalibratedError {
    return {
      meanSquare,
      relative: this.#denseSquare > 0 ? Math.sqrt(meanSquare / this.#denseSquare) : null,
    };
  }

  #meanSquare(pruned: Matrix | null): number {
    return this.#meanOf(this.#engine.squaredOutput(this.#dense, pruned, this.#hessian));
  }

  #meanOf(squares: Float64Array): number {
    let sum = 0;
    for (const square of squares) sum += square;
    // Rounding may leave a little less than nothing.
    return Math.max(0, sum * this.#scale);
  }
}
