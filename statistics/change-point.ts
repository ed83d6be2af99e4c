import { averageRanks } from './ranks.js';

export interface ChangePoint {
  /** How many values come before the most likely change. */
  readonly before: number;
  /** Largest |U_t|. */
  readonly k: number;
  /** Probability of a K at least this large without a change, by the approximation of the paper. */
  readonly p: number;
}

/**
 * One change of level at an unknown place (Pettitt, Applied Statistics 28(2), 1979): U_t = 2 Σ_{i ≤ t} rank_i
 * − t (n + 1), K = max |U_t|, p ≈ 2 exp(−6 K² / (n³ + n²)).
 * @returns null for fewer than four values.
 */
export function pettitt(values: readonly number[]): ChangePoint | null {
  const n = values.length;
  if (n < 4) return null;
  const ranks = averageRanks(values);
  let [sum, k, before] = [0, 0, 0];
  for (let t = 1; t < n; t++) {
    sum += ranks[t - 1]!;
    const u = Math.abs(2 * sum - t * (n + 1));
    if (u > k) [k, before] = [u, t];
  }
  return { before, k, p: Math.min(1, 2 * Math.exp((-6 * k * k) / (n ** 3 + n ** 2))) };
}
