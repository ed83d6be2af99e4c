import { emptyMask, type Mask, packRow } from './mask.js';
import { type Matrix, rowOf } from './matrix.js';
import { identity, StableOrder, valueAtRank } from './order.js';
import { type Pattern, prunedPerRow } from './pattern.js';
import { type Score, scoreRow } from './scores.js';

/** Chooses the columns of a row to prune by their scores. One instance holds the scratch memory of one thread. */
export class RowSelection {
  /** Columns by ascending score after `select` with an unstructured pattern; equal scores by column. */
  readonly order: Int32Array;
  readonly sorter: StableOrder;
  readonly #pattern: Pattern;
  readonly #pruned: number;

  constructor(pattern: Pattern, columns: number) {
    this.#pattern = pattern;
    this.#pruned = prunedPerRow(pattern, columns);
    this.order = new Int32Array(columns);
    this.sorter = new StableOrder(columns);
  }

  /** Sets flags[j] = 1 for the pruned columns and 0 for the others. */
  select(scores: Float32Array, flags: Uint8Array): void {
    flags.fill(0);
    if (this.#pattern.kind === 'unstructured') {
      this.sorter.sort(scores, identity(this.order));
      for (let i = 0; i < this.#pruned; i++) flags[this.order[i]!] = 1;
      return;
    }
    const { pruned, group } = this.#pattern;
    for (let start = 0; start < scores.length; start += group)
      markSmallest(scores, start, group, pruned, flags);
  }
}

/** Flags the `pruned` smallest of `group` scores from `start` on; of equal scores the first columns. */
export function markSmallest(
  scores: Float32Array | Float64Array,
  start: number,
  group: number,
  pruned: number,
  flags: Uint8Array,
): void {
  for (let n = 0; n < pruned; n++) {
    let least = -1;
    for (let j = start; j < start + group; j++) {
      if (flags[j] === 0 && (least < 0 || scores[j]! < scores[least]!)) least = j;
    }
    flags[least] = 1;
  }
}

/** @returns the mask that prunes, in every row, the weights of least score. */
export function selectByRow(weights: Matrix, score: Score, pattern: Pattern): Mask {
  const mask = emptyMask(weights.rows, weights.columns);
  const selection = new RowSelection(pattern, weights.columns);
  const scores = new Float32Array(weights.columns);
  const flags = new Uint8Array(weights.columns);
  for (let row = 0; row < weights.rows; row++) {
    scoreRow(score, rowOf(weights, row), scores);
    selection.select(scores, flags);
    packRow(mask, row, flags);
  }
  return mask;
}

/**
 * Magnitude over the whole matrix, as the published code has it: every weight up to and including the one at
 * position trunc(count · ratio) of the ascending order is pruned, so one more than asked, and all ties. Ratio 0
 * prunes nothing and ratio 1 everything, where the published code prunes one weight and fails.
 */
export function selectByThreshold(weights: Matrix, ratio: number): Mask {
  const mask = emptyMask(weights.rows, weights.columns);
  const rank = Math.trunc(weights.values.length * ratio);
  if (ratio <= 0 || weights.values.length === 0) return mask;
  const threshold =
    rank >= weights.values.length ? Number.POSITIVE_INFINITY : valueAtRank(weights.values, rank);
  const flags = new Uint8Array(weights.columns);
  for (let row = 0; row < weights.rows; row++) {
    const values = rowOf(weights, row);
    for (let j = 0; j < values.length; j++) flags[j] = Math.abs(values[j]!) <= threshold ? 1 : 0;
    packRow(mask, row, flags);
  }
  return mask;
}
