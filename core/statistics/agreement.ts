/**
 * Cohen's kappa of two raters (Educational and Psychological Measurement 20(1), 1960): agreement beyond that of chance by how often each gives each category.
 * @param a and b categories of the same things, in one order.
 * @returns null for nothing, or where chance alone agrees on everything.
 */
export function kappa(a: readonly number[], b: readonly number[]): number | null {
  if (a.length === 0) return null;
  const share = (list: readonly number[], category: number) =>
    list.filter((value) => value === category).length / list.length;
  const observed = a.filter((value, i) => value === b[i]).length / a.length;
  const chance = [...new Set([...a, ...b])].reduce((sum, one) => sum + share(a, one) * share(b, one), 0);
  return chance >= 1 ? null : (observed - chance) / (1 - chance);
}

/**
 * Kendall's τ-b of two lists of numbers (Biometrika 33(3), 1945): of pairs, the share in the same order minus the share in the other, with ties accounted for.
 * @returns null where one of them has ties alone.
 */
export function kendallTau(a: readonly number[], b: readonly number[]): number | null {
  let [score, inA, inB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let k = i + 1; k < a.length; k++) {
      const [x, y] = [Math.sign(a[i]! - a[k]!), Math.sign(b[i]! - b[k]!)];
      score += x * y;
      inA += x * x;
      inB += y * y;
    }
  }
  return inA === 0 || inB === 0 ? null : score / Math.sqrt(inA * inB);
}
