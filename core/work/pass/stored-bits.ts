import type { WeightsSetting } from './setting.js';

/** How pruned weights are packed. */

export type SparseFormat = 'bitmap' | '2:4' | 'csr';

/**
 * Bits of one original weight when only kept ones are stored: `bitmap` one bit each and the values that are kept; `2:4` half
 * of the values and 2 bits of place for each of them (NVIDIA's sparse tensor cores); `csr` a 16-bit column beside each value. The
 * pointers of rows are small and left out. A kernel that skips what is pruned multiplies the kept share alone; sparse tensor cores do
 * the same in half the time.
 * @param sparsity share of weights that are pruned; 2:4 prunes half, whatever is given.
 */
export function sparseWeights(format: SparseFormat, valueBits: number, sparsity: number): WeightsSetting {
  const density = format === '2:4' ? 0.5 : 1 - sparsity;
  const bits = {
    bitmap: 1 + valueBits * density,
    '2:4': valueBits / 2 + 1,
    csr: (valueBits + 16) * density,
  };
  return { bits: bits[format], valueBits, density };
}
