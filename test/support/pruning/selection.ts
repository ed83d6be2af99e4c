import { emptyMask, type Mask, packRow } from '../../../core/techniques/pruning/mask.js';
import { type Matrix, rowOf } from '../../../core/techniques/pruning/matrix.js';
import { type Pattern, prunedPerRow } from '../../../core/techniques/pruning/pattern.js';
import type { Score } from '../../../core/techniques/pruning/scores.js';
import { identity, StableOrder } from './order.js';
import { scoreRow } from './scores.js';

/**
 * Chooses the columns of a row to prune by their scores. One instance holds the scratch memory of one thread.
 */
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
