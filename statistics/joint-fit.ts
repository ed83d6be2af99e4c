import { incompleteBeta } from './distributions.js';
import { type TypicalSpread, typicalSpread } from './typical-spread.js';

/**
 * The best estimate of many rows from all their starts, whatever else ran on the machine.
 *
 * Model: y = row − slopes · x + e. y is the logarithm of what a start says, x what was read beside it of the neighbours (0 = alone),
 * e Student's t with FREEDOM degrees, wider where more was read. All rows share the slopes, which shrink to priors: three starts
 * of one row do not know them. Fitted by iteratively reweighted least squares (Lange, Little & Taylor, "Robust statistical modeling
 * using the t distribution", JASA 84, 1989). Everything is in natural logarithms; a row's centre is that of the undisturbed
 * machine, extrapolated where none of its starts was calm. Why so, with figures: decision 0061.
 */

/** One number for each kind of reading of neighbours, 0 = alone. */
export type Readings = readonly [number, number, number];

/** The starts of one row, in columns. */
export interface Starts {
  /** Natural logarithms of what neighbours lower (of times the negative one); null where a start has no number: it counts for nothing. */
  readonly y: readonly (number | null)[];
  /** null where nothing was read: nothing is adjusted, and the start counts in full. */
  readonly x: readonly (Readings | null)[];
  /** Standard error of what happened to each start and no reading tells the size of; left out = 0. */
  readonly beyond?: readonly number[];
}

/** What is known of a kind of metric before any start is seen. */
export interface Prior {
  /** How much a unit of each reading takes of the logarithm, and how sure that is. */
  readonly slopes: Readings;
  readonly slopesSd: Readings;
  /** How far a row's own slopes may lie from those of all. */
  readonly rowSlopesSd: Readings;
  /** Standard deviation of calm starts. */
  readonly spread: number;
  /** What a unit of each reading adds to that. */
  readonly spreadSlopes: Readings;
  /** Standard deviation of what one sitting of the machine does to all that is measured in it. */
  readonly sitting: number;
}

/** What the rows of one machine have in common. */
export interface Common {
  readonly prior: Prior;
  readonly slopes: Readings;
  readonly covariance: readonly Readings[];
  /** Of a calm start, as it weighs outliers. */
  readonly variance: number;
  /** How starts differ in rows like these; null where too few rows tell. */
  readonly typical: TypicalSpread | null;
}

/** What is known of one row. Logarithms; variances and errors are of logarithms, too. */
export interface Estimate {
  /** Of the undisturbed machine. */
  readonly centre: number;
  /** The same starts with the same weights, not adjusted. `centre − asMeasured` is the adjustment. */
  readonly asMeasured: number;
  /** Standard error of the centre, with all that is not known: starts, slopes, the row's own slopes, the sitting. */
  readonly error: number;
  /** Degrees of freedom of Student's t for that error. */
  readonly df: number;
  /** The part of the error's square that is the starts' own. */
  readonly variance: number;
  /** Weighted squares of its starts about the centre, and the weight of all: what a variance is made of. */
  readonly squares: number;
  readonly weight: number;
  /** The part of it that is the sitting's. */
  readonly sittingVariance: number;
  /** Standard error of what happened to its starts and no reading tells the size of: alike for rows beside the same neighbour. */
  readonly beyond: number;
  readonly starts: number;
  /** What was read beside the starts, each by its weight. */
  readonly readings: Readings;
}

/** Degrees of freedom of the starts' errors. */
const FREEDOM = 4;
/** What it is larger by where outliers weigh less: (ν + 3) / (ν + 1), the inverse of Student's information of a location. */
const INFLATION = (FREEDOM + 3) / (FREEDOM + 1);
/** What the prior spread counts for among starts, and what all rows may count for beside a row's own. */
const PRIOR_DF = 4;
/** Chance, where the prior holds, of starts that lie so close together that it is taken to be of another machine. */
const REFUTED = 0.02;
const MOST_ROUNDS = 100;
const SETTLED = 1e-9;
const NONE: Readings = [0, 0, 0];

/** Rows with what they have in common. */
export interface JointFit extends Common {
  /** In the order given; null for a row without a number. */
  readonly rows: readonly (Estimate | null)[];
}

/**
 * Fits all rows together.
 * @param rows for a comparison of two runs the rows of both, each run's own: what they share are the slopes.
 */
export function jointFit(rows: readonly Starts[], prior: Prior): JointFit {
  const common = commonOf(rows, prior);
  return { ...common, rows: rows.map((row) => estimateOf(row, weightsOf(row, common), common)) };
}

/** Slopes and spread of rows that were measured on one machine; rows of one start tell nothing here. */
export function commonOf(rows: readonly Starts[], prior: Prior): Common {
  const telling = rows.filter((row) => countOf(row) > 1);
  const weights = telling.map((row) => calmOf(row, prior));
  let [slopes, variance] = [prior.slopes, prior.spread ** 2];
  let covariance = diagonal(prior.slopesSd.map((sd) => sd ** 2));
  for (let round = 0, moved = 1; telling.length > 0 && round < MOST_ROUNDS && moved > SETTLED; round += 1) {
    const sums = new Sums(prior, variance);
    for (const [r, row] of telling.entries()) {
      const centre = centreOf(row, weights[r]!, slopes);
      reweigh(row, weights[r]!, centre, { prior, slopes, variance });
      sums.add(row, weights[r]!, squaresOf(row, weights[r]!, centre, slopes));
    }
    const inverse = inverseOf(sums.matrix);
    const next = triple((k) => Math.max(0, dot(inverse[k]!, sums.vector)));
    const spread = (sums.squares + PRIOR_DF * prior.spread ** 2) / (sums.df + PRIOR_DF);
    moved = Math.max(...next.map((slope, k) => Math.abs(slope - slopes[k]!)), Math.abs(spread - variance));
    [slopes, variance] = [next, spread];
    covariance = inverse.map((line) => triple((k) => line[k]! * spread));
  }
  const shared = { prior, slopes, covariance, variance, typical: null };
  const first = commonAlike(shared, telling, (_row, _first, place) => weights[place]!);
  return isUnlike(first) ? commonAlike(first, telling, weightsOf) : first;
}

/**
 * What the same rows have in common by another metric of the same kind: slopes and weights are those of the first, so that what is
 * derived from each other stays so; how starts differ is its own.
 * @param weights of each start of a row, by the first (`weightsOf`).
 */
export function commonAlike(
  first: Common,
  rows: readonly Starts[],
  weights: (row: Starts, first: Common, place: number) => readonly number[],
): Common {
  const spreads = rows.map((row, r) => {
    const own = weights(row, first, r);
    const centre = centreOf(row, own, first.slopes);
    return { squares: squaresOf(row, own, centre, first.slopes), df: countOf(row) - 1 };
  });
  return { ...first, typical: typicalSpread(spreads) };
}

/** @returns the weight of each start of a row, by what was read beside it and by how far it lies from the others. */
export function weightsOf(row: Starts, common: Common): readonly number[] {
  const weights = calmOf(row, common.prior);
  const df = countOf(row) - 1;
  if (df < 1 || isUnlike(common)) return weights;
  let { variance } = common;
  for (let round = 0, before = Infinity; round < MOST_ROUNDS; round += 1) {
    const centre = centreOf(row, weights, common.slopes);
    if (common.typical === null) {
      const squares = squaresOf(row, weights, centre, common.slopes);
      variance = moderated({ squares, df }, priorBeside(df, common.prior)).variance;
      // Starts that are all equal lie nowhere off.
      if (variance === 0) break;
    }
    if (Math.abs(centre - before) < SETTLED) break;
    reweigh(row, weights, centre, { ...common, variance });
    before = centre;
  }
  return weights;
}

/**
 * Whether starts differ more in some rows than in others, so that the rows say nothing of which start of a row lies too far off: each counts by
 * its readings alone. Weighed by the spread of all, every start of a noisy row is an outlier, and its error is taken for a third of what it is.
 */
export const isUnlike = ({ typical }: Pick<Common, 'typical'>): boolean =>
  typical !== null && typical.df < PRIOR_DF;

/** What the variance of a weighted mean is larger by than that of starts over their weight. */
export const inflationOf = (common: Pick<Common, 'typical'>): number => (isUnlike(common) ? 1 : INFLATION);

/** The prior spread, for as many degrees of freedom as own starts lack of PRIOR_DF: where it is wrong for the machine, more would be wrong. */
export const priorBeside = (df: number, { spread }: Prior): TypicalSpread => ({
  variance: spread ** 2,
  df: Math.max(0, PRIOR_DF - df),
});

/** What own starts and what is known beside them say together, each by its degrees of freedom (Smyth). */
export function moderated(
  own: { readonly squares: number; readonly df: number },
  beside: TypicalSpread,
): TypicalSpread {
  const df = own.df + beside.df;
  return { variance: (own.squares + beside.df * beside.variance) / df, df };
}

/**
 * What a row's starts say together.
 * @param weights of its starts (`weightsOf`).
 * @returns null without a number.
 */
export function estimateOf(row: Starts, weights: readonly number[], common: Common): Estimate | null {
  const { prior, slopes, covariance } = common;
  const starts = countOf(row);
  if (starts === 0) return null;
  const mean = meansOf(row, weights);
  const centre = mean.y + dot(mean.x, slopes);
  const squares = starts === 1 ? 0 : squaresOf(row, weights, centre, slopes);
  const beside = spreadBeside(squares, starts - 1, common);
  const { variance: perStart, df } = moderated({ squares, df: starts - 1 }, beside);
  const variance = (inflationOf(common) * perStart) / mean.total;
  // On a machine where starts hardly differ, sittings do not differ by more.
  const sittingVariance = Math.min(prior.sitting ** 2, beside.df > 0 ? beside.variance : perStart);
  const beyond = beyondOf(row, weights) / mean.total;
  const error = Math.sqrt(
    variance + slopeVariance(mean.x, prior, covariance) + beyond ** 2 + sittingVariance,
  );
  return {
    centre,
    asMeasured: mean.y,
    error,
    df,
    variance,
    squares,
    weight: mean.total,
    sittingVariance,
    beyond,
    starts,
    readings: mean.x,
  };
}

const beyondOf = ({ y, beyond = [] }: Starts, weights: readonly number[]) =>
  beyond.reduce((sum, own, i) => (y[i] == null ? sum : sum + weights[i]! * own), 0);

/**
 * What is known of how a row's starts differ beside what they say themselves: from other rows, the less the more these differ among
 * themselves; without other rows the prior, unless the row's own starts refute it.
 */
function spreadBeside(squares: number, df: number, { prior, typical }: Common): TypicalSpread {
  if (typical !== null) return { variance: typical.variance, df: Math.min(PRIOR_DF, typical.df) };
  const expected = PRIOR_DF * prior.spread ** 2;
  // P(F ≤ f) = I(squares / (squares + expected); df / 2, prior df / 2).
  const refuted = df > 0 && incompleteBeta(squares / (squares + expected), df / 2, PRIOR_DF / 2) < REFUTED;
  return { variance: prior.spread ** 2, df: refuted ? 0 : PRIOR_DF };
}

/** What slopes leave open at these readings: those of all rows are estimates, and a row's own differ from them. */
const slopeVariance = (x: Readings, prior: Prior, covariance: readonly Readings[]): number =>
  sharedSlopeVariance(x, covariance) + ownSlopeVariance(x, prior);

/** What is not known of the slopes that all rows share. */
export const sharedSlopeVariance = (x: Readings, covariance: readonly Readings[]): number =>
  x[0] * dot(covariance[0]!, x) + x[1] * dot(covariance[1]!, x) + x[2] * dot(covariance[2]!, x);

/** What a row's own slopes may differ by from those of all. */
export const ownSlopeVariance = (x: Readings, prior: Prior): number => quadratic(x, prior.rowSlopesSd);

/** What share of a calm start a start is worth by what was read beside it: 1 = it was alone. */
export function calmness(x: Readings | null, prior: Prior): number {
  return x === null ? 1 : 1 / (1 + quadratic(x, prior.spreadSlopes) / prior.spread ** 2);
}

const calmOf = ({ x }: Starts, prior: Prior): number[] => x.map((own) => calmness(own, prior));

function countOf({ y }: Starts): number {
  let count = 0;
  for (const own of y) if (own !== null) count += 1;
  return count;
}

/** Weighted means, and the weight of all. */
function meansOf({ y, x }: Starts, weights: readonly number[]): { total: number; y: number; x: Readings } {
  let [total, sum, a, b, c] = [0, 0, 0, 0, 0];
  for (let i = 0; i < y.length; i += 1) {
    const [own, read, weight] = [y[i]!, x[i]!, weights[i]!];
    if (own === null) continue;
    total += weight;
    sum += weight * own;
    if (read === null) continue;
    a += weight * read[0];
    b += weight * read[1];
    c += weight * read[2];
  }
  return { total, y: sum / total, x: [a / total, b / total, c / total] };
}

function centreOf(row: Starts, weights: readonly number[], slopes: Readings): number {
  const mean = meansOf(row, weights);
  return mean.y + dot(mean.x, slopes);
}

const adjusted = (y: number, x: Readings | null, slopes: Readings) => (x === null ? y : y + dot(x, slopes));

function squaresOf({ y, x }: Starts, weights: readonly number[], centre: number, slopes: Readings): number {
  let squares = 0;
  for (let i = 0; i < y.length; i += 1) {
    const own = y[i]!;
    if (own !== null) squares += weights[i]! * (adjusted(own, x[i]!, slopes) - centre) ** 2;
  }
  return squares;
}

/** Weights of one round: each start by its readings and by its distance from the centre so far. */
function reweigh(
  { y, x }: Starts,
  weights: number[],
  centre: number,
  { prior, slopes, variance }: Pick<Common, 'prior' | 'slopes' | 'variance'>,
): void {
  for (let i = 0; i < y.length; i += 1) {
    const own = y[i]!;
    if (own === null) continue;
    const [calm, error] = [calmness(x[i]!, prior), adjusted(own, x[i]!, slopes) - centre];
    weights[i] = (calm * (FREEDOM + 1)) / (FREEDOM + (calm * error * error) / variance);
  }
}

/** Normal equations of the slopes, within rows, with those of the prior. */
class Sums {
  readonly matrix: number[][];
  readonly vector: number[];
  squares = 0;
  df = 0;

  constructor({ slopes, slopesSd }: Prior, variance: number) {
    const precision = slopesSd.map((sd) => variance / sd ** 2);
    this.matrix = diagonal(precision).map((line) => [...line]);
    this.vector = precision.map((p, k) => p * slopes[k]!);
  }

  add(row: Starts, weights: readonly number[], squares: number): void {
    const mean = meansOf(row, weights);
    for (let i = 0; i < row.y.length; i += 1) {
      const [y, x] = [row.y[i]!, row.x[i] ?? NONE];
      if (y === null) continue;
      for (let k = 0; k < 3; k += 1) {
        const d = weights[i]! * (x[k]! - mean.x[k]!);
        if (d === 0) continue;
        this.vector[k]! -= d * (y - mean.y);
        for (let l = 0; l < 3; l += 1) this.matrix[k]![l]! += d * (x[l]! - mean.x[l]!);
      }
    }
    this.squares += squares;
    this.df += countOf(row) - 1;
  }
}

const triple = (of: (k: 0 | 1 | 2) => number): Readings => [of(0), of(1), of(2)];
/** @returns the sum of the products of two triples. */
export const dot = (a: readonly number[], b: readonly number[]): number =>
  a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
const quadratic = (x: Readings, by: Readings) =>
  (x[0] * by[0]) ** 2 + (x[1] * by[1]) ** 2 + (x[2] * by[2]) ** 2;
const diagonal = ([a, b, c]: readonly number[]): Readings[] => [
  [a!, 0, 0],
  [0, b!, 0],
  [0, 0, c!],
];

/** Of a symmetric positive definite matrix of three lines, by its cofactors. */
function inverseOf(m: readonly (readonly number[])[]): number[][] {
  const at = (i: number, j: number) => m[i % 3]![j % 3]!;
  const cofactor = (i: number, j: number) =>
    at(i + 1, j + 1) * at(i + 2, j + 2) - at(i + 1, j + 2) * at(i + 2, j + 1);
  const determinant = at(0, 0) * cofactor(0, 0) + at(0, 1) * cofactor(0, 1) + at(0, 2) * cofactor(0, 2);
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) => cofactor(j, i) / determinant));
}
