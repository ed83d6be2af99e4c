import { mean } from './summary.js';

/** How far apart two grades count: all alike, by their distance on the scale, or by its square (QWK). */
export type KappaWeights = 'none' | 'linear' | 'quadratic';

/**
 * Cohen's kappa of two raters (Educational and Psychological Measurement 20(1), 1960): agreement beyond that
 * of chance by how often each gives each category; weighted for grades (Psychological Bulletin 70(4), 1968),
 * as scikit-learn's `cohen_kappa_score` with `labels`.
 * @param a and b categories of the same things, in one order.
 * @param scale all grades from the lowest to the highest, given or not: a weighted kappa without those that
 *   nobody gave is another number. Left out = those that were given, which is enough without weights.
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
 * @param things by thing, the category that each rater gave; as many raters of each.
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
 * 1979): of one of the same raters, who stand for others (absolute agreement; McGraw & Wong's A).
 * @param things by thing, what each rater gave; as many raters of each.
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
 * Kendall's τ-b of two lists of numbers (Biometrika 33(3), 1945): of pairs, the share in the same order minus
 * the share in the other, with ties accounted for.
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
