import { averageRanks } from './ranks.js';
import { mean } from './summary.js';

/**
 * Pearson's correlation of two lists of numbers.
 * @returns null where one of them does not vary.
 */
export function pearson(a: readonly number[], b: readonly number[]): number | null {
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, ofA, ofB] = [0, 0, 0];
  a.forEach((value, i) => {
    const [x, y] = [value - meanA, b[i]! - meanB];
    both += x * y;
    ofA += x * x;
    ofB += y * y;
  });
  // The square root is taken of each sum, because the product of two small sums could underflow.
  return ofA > 0 && ofB > 0 ? both / (Math.sqrt(ofA) * Math.sqrt(ofB)) : null;
}

/**
 * Spearman's correlation: Pearson's of the ranks, equal values sharing the mean of theirs.
 * @returns null where one of them does not vary.
 */
export function spearman(a: readonly number[], b: readonly number[]): number | null {
  return pearson(averageRanks(a), averageRanks(b));
}
