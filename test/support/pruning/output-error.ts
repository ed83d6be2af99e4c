import type { Hessian } from '../../../core/techniques/pruning/hessian.js';
import { type Matrix, rowOf } from '../../../core/techniques/pruning/matrix.js';

/**
 * @returns d H dᵀ of every row, d = W − W′: its squared output error, summed over all calibration tokens,
 *   times 2 / sequences. As `PruningEngine.squaredOutput`.
 * @param other null stands for zeros.
 */
export function squaredOutput(weights: Matrix, other: Matrix | null, hessian: Hessian): Float64Array {
  const { rows, columns } = weights;
  const h = hessian.values;
  const d = new Float64Array(columns);
  const sums = new Float64Array(columns);
  return Float64Array.from({ length: rows }, (_, row) => {
    const own = rowOf(weights, row);
    const others = other === null ? null : rowOf(other, row);
    for (let j = 0; j < columns; j++) d[j] = own[j]! - (others === null ? 0 : others[j]!);
    sums.fill(0);
    for (let i = 0; i < columns; i++) {
      const value = d[i]!;
      if (value === 0) continue;
      for (let j = i, at = i * columns + i; j < columns; j++, at++) sums[j]! += value * h[at]!;
    }
    // Only the upper triangle is there: d H dᵀ = 2 Σ_{i≤j} d_i H_ij d_j − Σ_j H_jj d_j².
    let total = 0;
    for (let j = 0; j < columns; j++) total += d[j]! * (2 * sums[j]! - h[j * columns + j]! * d[j]!);
    return total;
  });
}
