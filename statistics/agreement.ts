import { mean } from './summary.js';

/**
 * How a disagreement between two grades is weighted: all alike, by their distance on the scale, or by the
 * square of that distance (QWK).
 */
export type KappaWeights = 'none' | 'linear' | 'quadratic';

/**
 * Cohen's kappa of two raters (Educational and Psychological Measurement 20(1), 1960): agreement beyond what
 * chance would give if each rater kept the own frequencies of categories. Grades are weighted (Psychological
 * Bulletin 70(4), 1968), as in scikit-learn's `cohen_kappa_score` with `labels`.
 * @param a and b categories of the same things, in one order.
 * @param scale all grades from the lowest to the highest, including those that nobody gave, because they
 *   change a weighted kappa. Left out = the grades that were given, which is enough without weights.
 * @returns null for nothing, for a grade beyond the scale, or where chance alone agrees on everything.
 */
export function kappa(
  a: readonly number[],
  b: readonly number[],
  { weights = 'none', scale }: { readonly weights?: KappaWeights; readonly scale?: readonly number[] } = {},
): number | null {
  const grades = scale ?? [...new Set([...a, ...b])].sort((x, y) => x - y);
  const placeOf = new Map(grades.map((grade, i) => [grade, i]));
  const [x, y] = [a, b].map((list) => list.map((grade) => placeOf.get(grade) ?? Number.NaN));
  if (a.length === 0 || [...x!, ...y!].some(Number.isNaN)) return null;
  const disagreement = (i: number, k: number) =>
    weights === 'none' ? Number(i !== k) : Math.abs(i - k) ** (weights === 'linear' ? 1 : 2);
  const shares = [x!, y!].map((places) => {
    const counts = new Float64Array(grades.length);
    for (const place of places) counts[place]! += 1 / places.length;
    return counts;
  });
  let [observed, chance] = [0, 0];
  x!.forEach((place, i) => {
    observed += disagreement(place, y![i]!) / a.length;
  });
  for (let i = 0; i < grades.length; i++)
    for (let k = 0; k < grades.length; k++) chance += disagreement(i, k) * shares[0]![i]! * shares[1]![k]!;
  return chance < 1e-12 ? null : 1 - observed / chance;
}

/**
 * Fleiss' kappa of several raters without an order (Psychological Bulletin 76(5), 1971).
 * @param things for each thing, the category that each rater gave; all have the same number of raters.
 * @returns null for fewer than two raters, for things that have unequally many, or where chance alone agrees
 *   on everything.
 */
export function fleissKappa(things: readonly (readonly number[])[]): number | null {
  const raters = things[0]?.length ?? 0;
  if (raters < 2 || things.some((one) => one.length !== raters)) return null;
  const totals = new Map<number, number>();
  let observed = 0;
  for (const one of things) {
    const counts = new Map<number, number>();
    for (const category of one) counts.set(category, (counts.get(category) ?? 0) + 1);
    for (const [category, count] of counts) {
      totals.set(category, (totals.get(category) ?? 0) + count);
      observed += (count * (count - 1)) / (raters * (raters - 1) * things.length);
    }
  }
  const chance = [...totals.values()].reduce(
    (sum, count) => sum + (count / (things.length * raters)) ** 2,
    0,
  );
  return 1 - chance < 1e-12 ? null : (observed - chance) / (1 - chance);
}

/**
 * Intraclass correlation ICC(2,1) (Shrout & Fleiss, "Intraclass correlations", Psychological Bulletin 86(2),
 * 1979): the reliability of a single rater, if the same raters grade everything and are a sample of all
 * raters (absolute agreement; McGraw & Wong's A).
 * @param things for each thing, the grade that each rater gave; all have the same number of raters.
 * @returns null for fewer than two things or raters, or where nothing varies.
 */
export function icc(things: readonly (readonly number[])[]): number | null {
  const [n, k] = [things.length, things[0]?.length ?? 0];
  if (n < 2 || k < 2 || things.some((one) => one.length !== k)) return null;
  const all = things.flat();
  const centre = mean(all);
  const squares = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  const total = squares(all);
  const between = k * squares(things.map((one) => mean(one)));
  const ofRaters = n * squares(things[0]!.map((_, r) => mean(things.map((one) => one[r]!))));
  const bms = between / (n - 1);
  const jms = ofRaters / (k - 1);
  const ems = (total - between - ofRaters) / ((n - 1) * (k - 1));
  const below = bms + (k - 1) * ems + (k * (jms - ems)) / n;
  return total <= 1e-12 * n * k * centre ** 2 || below === 0 ? null : (bms - ems) / below;
}

/**
 * Kendall's τ-b of two lists of numbers (Biometrika 33(3), 1945): the share of pairs in the same order minus
 * the share in the opposite order, corrected for ties.
 * @returns null if all values of one list are equal.
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
