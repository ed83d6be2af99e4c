import { differences, forEachPruned, type Mask, prunedInRow } from './mask.js';
import { type Matrix, rowOf } from './matrix.js';
import type { ChannelStatistics } from './statistics.js';

/** What pruning did to one layer. */
export interface LayerReport {
  readonly weights: number;
  readonly pruned: number;
  /** Pruned share of the layer, and of the rows with the least and the most pruned. */
  readonly sparsity: number;
  readonly minRowSparsity: number;
  readonly maxRowSparsity: number;
  /** Weights that the initial mask prunes and the final one keeps, or the other way round. */
  readonly changedWeights: number;
  /** Kept weights whose value is not the dense layer's. */
  readonly updatedWeights: number;
  /**
   * Mean over rows of |e|, e = Σ (W − W′) · S, with the initial and with the final mask; null without
   * statistics.
   */
  readonly meanAbsoluteErrorBefore: number | null;
  readonly meanAbsoluteErrorAfter: number | null;
}

/**
 * @param pruned the layer's weights after pruning.
 * @param initialMask the mask that an exchange started from; the final one for other methods.
 */
export function layerReport(
  dense: Matrix,
  pruned: Matrix,
  initialMask: Mask,
  mask: Mask,
  statistics: ChannelStatistics | null,
): LayerReport {
  const { rows, columns } = dense;
  let total = 0;
  let least = columns;
  let most = 0;
  for (let row = 0; row < rows; row++) {
    const count = prunedInRow(mask, row);
    total += count;
    least = Math.min(least, count);
    most = Math.max(most, count);
  }
  return {
    weights: rows * columns,
    pruned: total,
    sparsity: total / (rows * columns),
    minRowSparsity: least / columns,
    maxRowSparsity: most / columns,
    changedWeights: differences(initialMask, mask),
    updatedWeights: updatedWeights(dense, pruned, mask),
    meanAbsoluteErrorBefore:
      statistics === null ? null : meanAbsolute(maskErrors(dense, initialMask, statistics)),
    meanAbsoluteErrorAfter: statistics === null ? null : meanAbsolute(rowErrors(dense, pruned, statistics)),
  };
}

function updatedWeights(dense: Matrix, pruned: Matrix, mask: Mask): number {
  let count = 0;
  for (let row = 0; row < dense.rows; row++) {
    const end = (row + 1) * dense.columns;
    for (let at = row * dense.columns; at < end; at++) if (dense.values[at] !== pruned.values[at]) count++;
    forEachPruned(mask, row, (at) => {
      if (dense.values[at] !== pruned.values[at]) count--;
    });
  }
  return count;
}

/**
 * @returns e of every row, Σ over pruned weights of W · S: the output that a sequence loses, summed over
 *   tokens.
 */
export function maskErrors(dense: Matrix, mask: Mask, statistics: ChannelStatistics): Float64Array {
  const sums = statistics.sumPerSequence;
  return Float64Array.from({ length: dense.rows }, (_, row) => {
    let error = 0;
    forEachPruned(mask, row, (at, column) => {
      error += dense.values[at]! * sums[column]!;
    });
    return error;
  });
}

/** @returns e of every row, Σ (W − W′) · S. Equal to `maskErrors` where kept weights are not updated. */
function rowErrors(dense: Matrix, pruned: Matrix, statistics: ChannelStatistics): Float64Array {
  const sums = statistics.sumPerSequence;
  return Float64Array.from({ length: dense.rows }, (_, row) => {
    const start = row * dense.columns;
    let error = 0;
    for (let j = 0; j < dense.columns; j++) {
      error += (dense.values[start + j]! - pruned.values[start + j]!) * sums[j]!;
    }
    return error;
  });
}

/** @returns the mean of absolute values. */
function meanAbsolute(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += Math.abs(value);
  return sum / values.length;
}

/** How far a pruned layer's output is from the dense one's, over the tokens given. */
export interface OutputError {
  /** Mean over tokens and rows of ((W − W′) x)². */
  readonly meanSquare: number;
  /** ‖(W − W′) X‖ / ‖W X‖, Frobenius norms; null when the dense output is zero. */
  readonly relative: number | null;
  /** Mean over rows of |mean over tokens of (W − W′) x|. */
  readonly meanAbsoluteBias: number;
}

/**
 * Compares outputs on given inputs. Work: 4 · weights · tokens FLOPs, so give it hundreds of tokens, not a
 * corpus.
 * @param inputs tokens · columns values.
 * @returns null without a token.
 */
export function outputError(dense: Matrix, pruned: Matrix, inputs: Float32Array): OutputError | null {
  const { rows, columns } = dense;
  const tokens = Math.floor(inputs.length / columns);
  if (tokens === 0 || rows === 0) return null;
  let squares = 0;
  let denseSquares = 0;
  let bias = 0;
  const lost = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const before = rowOf(dense, row);
    const after = rowOf(pruned, row);
    for (let j = 0; j < columns; j++) lost[j] = before[j]! - after[j]!;
    let rowBias = 0;
    for (let t = 0; t < tokens; t++) {
      let difference = 0;
      let output = 0;
      for (let j = 0, at = t * columns; j < columns; j++, at++) {
        difference += lost[j]! * inputs[at]!;
        output += before[j]! * inputs[at]!;
      }
      squares += difference * difference;
      denseSquares += output * output;
      rowBias += difference;
    }
    bias += Math.abs(rowBias / tokens);
  }
  return {
    meanSquare: squares / (tokens * rows),
    relative: denseSquares === 0 ? null : Math.sqrt(squares / denseSquares),
    meanAbsoluteBias: bias / rows,
  };
}
