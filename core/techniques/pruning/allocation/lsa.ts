import { mean } from '../../../../statistics/summary.js';
import { MAX_SWAPS } from '../methods/swaps.js';
import type { Pattern } from '../pattern.js';
import { wanda } from '../scores.js';
import type { Allocation } from './allocation.js';
import type { SizedLayer } from './balance.js';
import { allocateByBlock, blockOf } from './blocks.js';

/** What is removed on trial, as published. */
const TRIAL: Pattern = { kind: 'unstructured', ratio: 0.5 };

/**
 * Layer-wise sparsity allocation (LSA, Yang et al., ICLR 2026): a block is pruned more, the larger its
 * smallest squared output error ‖(W − W′) X‖² is with half of the weights removed, in the mean over its
 * layers. The importance is 1 − E / Σ E, and ratios fall linearly with it. The published search for the
 * smallest error takes weights away one by one in groups of 128 columns; here it is what swaps make of
 * Wanda’s mask.
 */
export const lsa = {
  name: 'lsa',
  reads: ['spread'],
  hessians: true,
  begin({ ratio, spread, engine }) {
    const layers: SizedLayer[] = [];
    const errors = new Map<string, number[]>();
    return {
      see({ name, weights, statistics, hessian }) {
        const mask = engine.selectByRow(weights, wanda(statistics!), TRIAL);
        const { squaresAfter } = engine.swaps(weights, weights, mask, hessian!, TRIAL, MAX_SWAPS);
        // H is 2 / sequences times the sum of x xᵀ.
        const error = squaresAfter.reduce((sum, square) => sum + square, 0) * (statistics!.sequences / 2);
        errors.set(blockOf(name), [...(errors.get(blockOf(name)) ?? []), error]);
        layers.push({ name, rows: weights.rows, columns: weights.columns });
      },
      ratios() {
        const means = new Map([...errors].map(([block, all]) => [block, mean(all)]));
        const total = [...means.values()].reduce((sum, error) => sum + error, 0);
        const importance = (name: string) => (total > 0 ? 1 - means.get(blockOf(name))! / total : 0);
        const measured = layers.map((layer) => ({ ...layer, importance: importance(layer.name) }));
        return allocateByBlock(measured, ratio, spread);
      },
    };
  },
} as const satisfies Allocation;
