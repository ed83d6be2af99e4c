import type { ChannelStatistics } from '../../../core/techniques/pruning/statistics.js';

/**
 * Accumulates channel statistics over calibration sequences (Wanda, arXiv 2306.11695; DSnoT, arXiv
 * 2310.08915), in double precision and one pass. A sequence may come in pieces; `endSequence` closes it.
 */
export class StatisticsAccumulator {
  readonly #squares: Float64Array;
  readonly #sums: Float64Array;
  /** Sum over closed sequences of their squared deviations from their own mean. */
  readonly #spread: Float64Array;
  readonly #mean: Float64Array;
  readonly #deviations: Float64Array;
  #tokensInSequence = 0;
  #tokens = 0;
  #sequences = 0;

  constructor(columns: number) {
    this.#squares = new Float64Array(columns);
    this.#sums = new Float64Array(columns);
    this.#spread = new Float64Array(columns);
    this.#mean = new Float64Array(columns);
    this.#deviations = new Float64Array(columns);
  }

  /** Takes inputs of the layer, token by token: tokens · columns values. */
  addTokens(inputs: Float32Array): void {
    const columns = this.#sums.length;
    for (let start = 0; start < inputs.length; start += columns) {
      const n = ++this.#tokensInSequence;
      for (let j = 0; j < columns; j++) {
        const x = inputs[start + j]!;
        this.#squares[j]! += x * x;
        this.#sums[j]! += x;
        // Welford (Technometrics 4(3), 1962): no cancellation for channels with a large mean.
        const delta = x - this.#mean[j]!;
        const mean = this.#mean[j]! + delta / n;
        this.#mean[j] = mean;
        this.#deviations[j]! += delta * (x - mean);
      }
    }
  }

  /** Closes a sequence; one without tokens does not count. */
  endSequence(): void {
    if (this.#tokensInSequence === 0) return;
    for (let j = 0; j < this.#spread.length; j++) this.#spread[j]! += this.#deviations[j]!;
    this.#mean.fill(0);
    this.#deviations.fill(0);
    this.#tokens += this.#tokensInSequence;
    this.#tokensInSequence = 0;
    this.#sequences++;
  }

  addSequence(inputs: Float32Array): void {
    this.addTokens(inputs);
    this.endSequence();
  }

  /** @returns the statistics of the closed sequences, or null when there is none. */
  statistics(): ChannelStatistics | null {
    if (this.#sequences === 0) return null;
    return {
      squaresPerSequence: Float32Array.from(this.#squares, (v) => v / this.#sequences),
      sumPerSequence: Float32Array.from(this.#sums, (v) => v / this.#sequences),
      variance: Float32Array.from(this.#spread, (v) => v / this.#tokens),
      sequences: this.#sequences,
      tokens: this.#tokens,
    };
  }
}
