import { type Matrix, rowOf } from '../matrix.js';
import { wanda } from '../scores.js';
import type { Allocation } from './allocation.js';
import type { SizedLayer } from './balance.js';
import { allocateByBlock, blockOf } from './blocks.js';

/** A layer whose outliers are to be counted: scores are |W| · factor of the channel. */
export interface ScoredLayer {
  readonly weights: Matrix;
  readonly factors: Float32Array;
}

/**
 * Outlier weighed layerwise sparsity (arXiv 2310.05175): a block of which more weights are outliers by
 * Wanda’s score is pruned less. Holds the weights of one block in float32.
 */
export const owl = {
  name: 'owl',
  reads: ['spread', 'outlierFactor'],
  hessians: false,
  begin({ ratio, spread, outlierFactor }) {
    const layers: SizedLayer[] = [];
    const shares = new Map<string, number>();
    let block: string | null = null;
    let held: ScoredLayer[] = [];
    const count = () => {
      if (block !== null) shares.set(block, outlierShare(held, outlierFactor));
      held = [];
    };
    return {
      see({ name, weights, statistics }) {
        if (block !== blockOf(name)) count();
        block = blockOf(name);
        held.push({ weights, factors: wanda(statistics!).factors });
        layers.push({ name, rows: weights.rows, columns: weights.columns });
      },
      ratios() {
        count();
        const measured = layers.map((layer) => ({ ...layer, importance: shares.get(blockOf(layer.name))! }));
        return allocateByBlock(measured, ratio, spread);
      },
    };
  },
} as const satisfies Allocation;

/**
 * @returns the share of weights whose score is more than `factor` times the mean score of all layers given.
 */
export function outlierShare(layers: readonly ScoredLayer[], factor: number): number {
  let weights = 0;
  let total = 0;
  forEachScore(layers, (score) => {
    weights++;
    total += score;
  });
  const threshold = (factor * total) / weights;
  let outliers = 0;
  forEachScore(layers, (score) => {
    if (score > threshold) outliers++;
  });
  return outliers / weights;
}

function forEachScore(layers: readonly ScoredLayer[], visit: (score: number) => void): void {
  for (const { weights, factors } of layers) {
    for (let row = 0; row < weights.rows; row++) {
      const values = rowOf(weights, row);
      for (let j = 0; j < values.length; j++) visit(Math.abs(values[j]!) * factors[j]!);
    }
  }
}
