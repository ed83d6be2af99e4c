import { averageRanks } from './ranks.js';

/** The largest number of pairs for which all combinations of signs are tried, which are about a million. */
const MOST_PAIRS = 20;

/**
 * Randomization test of paired differences (Fisher, "The Design of Experiments", 1935, §21), one-sided and
 * exact. If both members of each pair were alike, each difference could equally well have the other sign.
 * With n pairs, p cannot be less than 2^−n.
 * @returns the share of all combinations of signs whose sum is at least as large; null without a pair, or
 *   with more than 20 pairs.
 */
export function pairedSigns(differences: readonly number[]): number | null {
  const n = differences.length;
  if (n === 0 || n > MOST_PAIRS) return null;
  const observed = differences.reduce((sum, difference) => sum + difference, 0);
  const scale = differences.reduce((sum, difference) => sum + Math.abs(difference), 0);
  let reached = 0;
  for (let signs = 0; signs < 2 ** n; signs++) {
    const total = differences.reduce((sum, one, i) => sum + ((signs >> i) & 1 ? -one : one), 0);
    // Sums of the same numbers in another order differ in their last bits.
    if (total >= observed - 1e-12 * scale) reached += 1;
  }
  return reached / 2 ** n;
}

/**
 * Signed-rank test of paired differences (Wilcoxon, Biometrics Bulletin 1(6), 1945), one-sided and exact;
 * pairs without a difference are left out.
 * @returns the probability of ranks that favour positive differences at least as much, if both members of
 *   each pair were alike; null in the same cases as pairedSigns.
 */
export function wilcoxonSignedRank(differences: readonly number[]): number | null {
  const apart = differences.filter((difference) => difference !== 0);
  const ranks = averageRanks(apart.map(Math.abs));
  return pairedSigns(apart.map((difference, i) => Math.sign(difference) * ranks[i]!));
}

/**
 * Holm's step-down adjustment (Scandinavian Journal of Statistics 6, 1979): if each adjusted p is compared
 * with α, the probability of any false finding among all of them is at most α. The order of the values is
 * kept.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((i, j) => pValues[i]! - pValues[j]!);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let floor = 0;
  order.forEach((index, rank) => {
    floor = Math.max(floor, Math.min(1, (pValues.length - rank) * pValues[index]!));
    adjusted[index] = floor;
  });
  return adjusted;
}
