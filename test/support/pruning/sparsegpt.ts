import type { InverseFactor } from '../../../core/techniques/pruning/hessian.js';
import { emptyMask, type Mask } from '../../../core/techniques/pruning/mask.js';
import { copyOf, type Matrix, rowOf } from '../../../core/techniques/pruning/matrix.js';
import type { Pattern } from '../../../core/techniques/pruning/pattern.js';
import { valueAtRank } from '../../../core/techniques/pruning/threshold.js';
import { flip } from './mask.js';
import { markSmallest } from './selection.js';

/**
 * SparseGPT (arXiv 2301.00774, algorithm 1): prunes column by column and moves what a pruned weight did onto
 * the kept weights right of it. Unstructured: one threshold for a block of columns over all rows, so rows
 * differ in sparsity. Grouped: the least of each group of a row by its current weights. Sums within a block
 * are in double precision.
 * @param blockColumns a multiple of the pattern's group.
 * @returns the mask and the updated weights, zero where pruned.
 */
export function sparseGpt(
  weights: Matrix,
  factor: InverseFactor,
  pattern: Pattern,
  blockColumns: number,
): { mask: Mask; weights: Matrix } {
  const updated = copyOf(weights);
  const mask = emptyMask(weights.rows, weights.columns);
  silenceDead(updated, factor);
  const block = new RowBlock(factor, pattern, blockColumns);
  const flags = new Uint8Array(weights.rows * blockColumns);
  for (let start = 0; start < weights.columns; start += blockColumns) {
    const width = Math.min(blockColumns, weights.columns - start);
    flags.fill(0);
    if (pattern.kind === 'unstructured') markBlock(updated, factor, start, width, pattern.ratio, flags);
    for (let row = 0; row < weights.rows; row++) {
      const own = flags.subarray(row * width, (row + 1) * width);
      block.prune(rowOf(updated, row), start, own);
      for (let j = 0; j < width; j++) if (own[j] === 1) flip(mask, row, start + j);
    }
  }
  return { mask, weights: updated };
}

/** Sets the weights on dead channels to 0: they multiply zeros. */
function silenceDead(weights: Matrix, factor: InverseFactor): void {
  for (let j = 0; j < weights.columns; j++) {
    if (factor.dead[j] === 0) continue;
    for (let row = 0; row < weights.rows; row++) weights.values[row * weights.columns + j] = 0;
  }
}

/** Flags (rows · width) the weights of a block whose loss is at most the block's threshold. */
function markBlock(
  weights: Matrix,
  factor: InverseFactor,
  start: number,
  width: number,
  ratio: number,
  flags: Uint8Array,
): void {
  if (ratio <= 0) return;
  const count = weights.rows * width;
  const losses = new Float32Array(count);
  for (let row = 0; row < weights.rows; row++) {
    for (let j = 0; j < width; j++) {
      const column = start + j;
      const scaled =
        weights.values[row * weights.columns + column]! / factor.values[column * factor.columns + column]!;
      losses[row * width + j] = scaled * scaled;
    }
  }
  const rank = Math.trunc(count * ratio);
  const threshold = rank >= count ? Number.POSITIVE_INFINITY : valueAtRank(losses, rank);
  for (let i = 0; i < count; i++) if (losses[i]! <= threshold) flags[i] = 1;
}

/** Prunes one row of one block and updates the row right of it. Holds the scratch memory of one thread. */
class RowBlock {
  readonly #factor: InverseFactor;
  readonly #pattern: Pattern;
  readonly #current: Float64Array;
  readonly #errors: Float64Array;
  readonly #losses: Float64Array;
  readonly #rest: Float64Array;

  constructor(factor: InverseFactor, pattern: Pattern, blockColumns: number) {
    this.#factor = factor;
    this.#pattern = pattern;
    this.#current = new Float64Array(blockColumns);
    this.#errors = new Float64Array(blockColumns);
    this.#losses = new Float64Array(blockColumns);
    this.#rest = new Float64Array(factor.columns);
  }

  /** @param flags the block's columns of this row: read when unstructured, written when grouped. */
  prune(row: Float32Array, start: number, flags: Uint8Array): void {
    const { columns, values } = this.#factor;
    const width = flags.length;
    const current = this.#current;
    for (let j = 0; j < width; j++) current[j] = row[start + j]!;
    for (let i = 0; i < width; i++) {
      if (this.#pattern.kind === 'grouped' && i % this.#pattern.group === 0) {
        this.#markGroup(start, i, this.#pattern.pruned, this.#pattern.group, flags);
      }
      const at = (start + i) * columns + start;
      const error = flags[i] === 1 ? current[i]! / values[at + i]! : 0;
      row[start + i] = flags[i] === 1 ? 0 : current[i]!;
      this.#errors[i] = error;
      if (error === 0) continue;
      for (let j = i; j < width; j++) current[j]! -= error * values[at + j]!;
    }
    this.#updateRest(row, start, width);
  }

  #markGroup(start: number, first: number, pruned: number, group: number, flags: Uint8Array): void {
    const { columns, values } = this.#factor;
    for (let j = first; j < first + group; j++) {
      const scaled = this.#current[j]! / values[(start + j) * columns + start + j]!;
      this.#losses[j] = scaled * scaled;
    }
    markSmallest(this.#losses, first, group, pruned, flags);
  }

  #updateRest(row: Float32Array, start: number, width: number): void {
    const { columns, values } = this.#factor;
    const rest = this.#rest.fill(0);
    const end = start + width;
    for (let i = 0; i < width; i++) {
      const error = this.#errors[i]!;
      if (error === 0) continue;
      const at = (start + i) * columns;
      for (let j = end; j < columns; j++) rest[j]! += error * values[at + j]!;
    }
    for (let j = end; j < columns; j++) row[j]! -= rest[j]!;
  }
}
