import { growDivisor } from '../../../../core/techniques/pruning/dsnot/exchange.js';
import type { DsnotSettings } from '../../../../core/techniques/pruning/dsnot/settings.js';
import type { ChannelStatistics } from '../../../../core/techniques/pruning/statistics.js';
import { identity, type StableOrder } from '../order.js';

/**
 * What one row's exchange works on, in single precision as the published code: the contributions D = W · S,
 * the error e (the sum of D over pruned weights: what the row's output lost, summed over a sequence) and the
 * orders in which weights are regrown and pruned. Filled per row; holds the scratch memory of one thread.
 */
export class ExchangeRow {
  readonly columns: number;
  /** 1 = pruned, as the initial selection left it; exchanged in place. */
  readonly flags: Uint8Array;
  /** D_j = W_j · S_j. */
  readonly contribution: Float32Array;
  /** Ascending by D / V^power: pruned weights below zero, all kept ones as zeros, pruned ones above, NaN. */
  readonly growOrder: Int32Array;
  /** Kept weights, D < 0 by ascending Wanda score, then the D = 0, then D > 0 by descending score. */
  readonly pruneOrder: Int32Array;
  /** How many weights of `pruneOrder` are in use: all that the row keeps. */
  kept = 0;
  /** How many of them have D < 0 and D > 0. */
  negative = 0;
  positive = 0;
  /** e, a float32. */
  error = 0;

  readonly #sums: Float32Array;
  readonly #divisor: Float32Array | null;
  readonly #growScore: Float32Array;
  readonly #keepOrder: Int32Array;

  constructor(statistics: ChannelStatistics, settings: DsnotSettings) {
    const columns = statistics.sumPerSequence.length;
    this.columns = columns;
    this.flags = new Uint8Array(columns);
    this.contribution = new Float32Array(columns);
    this.growOrder = new Int32Array(columns);
    this.pruneOrder = new Int32Array(columns);
    this.#sums = statistics.sumPerSequence;
    this.#divisor = growDivisor(statistics, settings);
    this.#growScore = new Float32Array(columns);
    this.#keepOrder = new Int32Array(columns);
  }

  /**
   * Takes a row whose `flags` are set.
   * @param wanda Wanda scores: what is pruned is always the least by Wanda, whatever chose the initial mask.
   * @param lost what the row’s output has lost beside its pruned weights.
   */
  fill(weights: Float32Array, wanda: Float32Array, sorter: StableOrder, lost: number): void {
    let error = lost;
    for (let j = 0; j < this.columns; j++) {
      const d = Math.fround(weights[j]! * this.#sums[j]!);
      const pruned = this.flags[j] === 1;
      this.contribution[j] = d;
      if (pruned) error += d;
      this.#growScore[j] = (pruned ? d : 0) / (this.#divisor === null ? 1 : this.#divisor[j]!);
    }
    this.error = Math.fround(error);
    sorter.sort(this.#growScore, identity(this.growOrder));
    this.#fillPruneOrder(this.#sortKept(wanda, sorter));
  }

  #sortKept(wanda: Float32Array, sorter: StableOrder): Int32Array {
    let kept = 0;
    for (let column = 0; column < this.columns; column++) {
      if (this.flags[column] === 0) this.#keepOrder[kept++] = column;
    }
    const list = this.#keepOrder.subarray(0, kept);
    sorter.sort(wanda, list);
    return list;
  }

  #fillPruneOrder(keepOrder: Int32Array): void {
    const d = this.contribution;
    let left = 0;
    let right = keepOrder.length;
    for (const column of keepOrder) {
      if (d[column]! < 0) this.pruneOrder[left++] = column;
      else if (d[column]! > 0) this.pruneOrder[--right] = column;
    }
    // The published code fills the middle with the weight of least score, once per weight with D = 0.
    this.pruneOrder.fill(keepOrder[0] ?? 0, left, right);
    this.kept = keepOrder.length;
    this.negative = left;
    this.positive = keepOrder.length - right;
  }
}
