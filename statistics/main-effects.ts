import { moments } from './summary.js';

/** How much of the variance of a number the levels of each factor explain. */
export interface MainEffects {
  /** Share of the variance for each factor, in the order of the factors; their sum is `together`. */
  readonly shares: readonly number[];
  /** R² of the additive model of all factors; the rest is interactions and noise. */
  readonly together: number;
  /**
   * What each factor would explain on average if it had no effect: each further level is a further parameter.
   */
  readonly chance: readonly number[];
}

/** Each further factor doubles the number of models to solve. */
const MOST_FACTORS = 10;
/** Parameters of the largest model, since solving takes time that grows with their cube. */
const MOST_PARAMETERS = 60;
/** The fewest values for each parameter of the additive model; with fewer, the shares are mostly chance. */
const VALUES_PER_PARAMETER = 2;
/** A column counts as aliased if less than this share of it is independent of the columns before it. */
const ALIASED = 1e-9;

/**
 * Splits the variance of a number among factors by their main effects: additive least-squares models of the
 * factors' levels, and for each factor the R² that it adds, averaged over all orders in which factors can
 * come in (Lindeman, Merenda and Gold, Introduction to Bivariate and Multivariate Analysis, 1980, p. 119 ff.;
 * Grömping, J. Stat. Softw. 17(1), 2006, "lmg"; it is the Shapley value). In a balanced design every order
 * gives the same result, the factor's sum of squares over the total, η². In an unbalanced design, what
 * several factors could explain is shared between them, and factors that always vary together get equal
 * shares.
 * @param values one for each row, in any unit.
 * @param factors for each factor, the level of each row.
 * @returns null if there are too few values for the number of levels, too many factors, or nothing varies.
 */
export function mainEffects(
  values: readonly number[],
  factors: readonly (readonly unknown[])[],
): MainEffects | null {
  const n = values.length;
  const { mean, squares } = moments(values);
  if (factors.length === 0 || factors.length > MOST_FACTORS) return null;
  const parameters = factors.reduce((sum, levels) => sum + new Set(levels).size - 1, 0);
  if (parameters > MOST_PARAMETERS || n < VALUES_PER_PARAMETER * (1 + parameters)) return null;
  // Rounding can make equal values differ by this much.
  if (!(squares > n * (1e-12 * mean) ** 2)) return null;
  const columns = factors.map(columnsOf);
  const explained = explainedBy(
    columns,
    values.map((value) => (value - mean) / Math.sqrt(squares)),
  );
  const all = 2 ** factors.length - 1;
  return {
    shares: factors.map((_, factor) => averageGain(explained, factors.length, factor)),
    together: explained[all] ?? 0,
    chance: columns.map((own) => own.length / (n - 1)),
  };
}

/**
 * @param factors as in `mainEffects`. The combined levels of each pair are used as one more factor.
 * @returns for each pair (of indices), how much its interaction adds to R² of the additive model. That is the
 *   pair's term of functional ANOVA (Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing
 *   Hyperparameter Importance", ICML 2014) if the design is balanced. Pairs with too many levels for the
 *   number of values are left out.
 */
export function interactions(
  values: readonly number[],
  factors: readonly (readonly unknown[])[],
): { readonly pair: readonly [number, number]; readonly share: number; readonly chance: number }[] {
  const { mean, squares } = moments(values);
  const target = values.map((value) => (value - mean) / Math.sqrt(squares));
  const columns = factors.map(columnsOf);
  const explained = (all: readonly (readonly number[])[]) => {
    const gram = all.map((a) => all.map((b) => dot(a, b)));
    return projected(
      gram,
      all.map((a) => dot(a, target)),
      [...all.keys()],
    );
  };
  const additive = columns.flat();
  const base = explained(additive);
  return columns.flatMap((one, i) =>
    columns.slice(0, i).flatMap((other, j) => {
      const products = one.flatMap((a) => other.map((b) => centred(a.map((value, n) => value * b[n]!))));
      if (values.length < VALUES_PER_PARAMETER * (1 + additive.length + products.length)) return [];
      const share = Math.max(0, explained([...additive, ...products]) - base);
      return [{ pair: [j, i] as const, share, chance: products.length / (values.length - 1) }];
    }),
  );
}

function centred(values: readonly number[]): number[] {
  const { mean } = moments(values);
  return values.map((value) => value - mean);
}

/** One column for each level but the first, centred. */
function columnsOf(levels: readonly unknown[]): number[][] {
  return [...new Set(levels)].slice(1).map((level) => {
    const count = levels.filter((one) => one === level).length;
    return levels.map((one) => (one === level ? 1 : 0) - count / levels.length);
  });
}

/** @returns R² of the model of each set of factors, by the set as bits. */
function explainedBy(columns: readonly (readonly number[][])[], target: readonly number[]): number[] {
  const owner = columns.flatMap((own, factor) => own.map(() => factor));
  const flat = columns.flat();
  const gram = flat.map((a) => flat.map((b) => dot(a, b)));
  const onto = flat.map((a) => dot(a, target));
  return Array.from({ length: 2 ** columns.length }, (_, set) => {
    const chosen = owner.flatMap((factor, i) => ((set >> factor) & 1 ? [i] : []));
    return Math.min(1, projected(gram, onto, chosen));
  });
}

/**
 * @returns the squared length of a unit vector's projection on the chosen columns, by Cholesky; aliased
 *   columns are left out.
 */
function projected(
  gram: readonly (readonly number[])[],
  onto: readonly number[],
  chosen: readonly number[],
): number {
  const rows: number[][] = [];
  const kept: number[] = [];
  const solved: number[] = [];
  let sum = 0;
  for (const i of chosen) {
    const row: number[] = [];
    for (let k = 0; k < kept.length; k += 1) {
      const above = rows[k]!;
      let value = gram[i]![kept[k]!]!;
      for (let m = 0; m < k; m += 1) value -= row[m]! * above[m]!;
      row.push(value / above[k]!);
    }
    const whole = gram[i]![i]!;
    const left = whole - dot(row, row);
    if (left <= ALIASED * whole) continue;
    const pivot = Math.sqrt(left);
    const along = (onto[i]! - dot(row, solved)) / pivot;
    sum += along * along;
    solved.push(along);
    kept.push(i);
    rows.push([...row, pivot]);
  }
  return sum;
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return sum;
}

/** What a factor adds to the sets without it, where each size of set has the same weight. */
function averageGain(explained: readonly number[], factors: number, factor: number): number {
  const bit = 1 << factor;
  let sum = 0;
  for (let set = 0; set < explained.length; set += 1) {
    if (set & bit) continue;
    const size = bitsOf(set);
    const gain = (explained[set | bit] ?? 0) - (explained[set] ?? 0);
    sum += gain / (factors * choose(factors - 1, size));
  }
  return Math.max(0, sum);
}

function bitsOf(set: number): number {
  let count = 0;
  for (let rest = set; rest > 0; rest >>= 1) count += rest & 1;
  return count;
}

function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= k; i += 1) result = (result * (n - k + i)) / i;
  return result;
}
