import { incompleteBeta } from './distributions.js';
import { median } from './quantile.js';
import { mean, moments } from './summary.js';
import { type TypicalSpread, typicalSpread } from './typical-spread.js';

/**
 * The best estimate of many rows from all their starts, whatever else ran on the machine.
 *
 * Model: y = row − slopes · x + e. y is the logarithm of what a start says, x what was read beside it of the neighbours (0 = alone),
 * e Student's t with FREEDOM degrees, wider where more was read. All rows share the slopes, which shrink to priors: three starts
 * of one row do not know them. Fitted by iteratively reweighted least squares (Lange, Little & Taylor, "Robust statistical modeling
 * using the t distribution", JASA 84, 1989). Everything is in natural logarithms. A row has two levels: `centre` is that of the calm machine,
 * extrapolated where none of its starts was calm; `thisRun` is that of the readings which the starts of all rows have in common (the adjusted
 * means of an analysis of covariance), so that rows stand in a fair order and near what was measured. Why so, with figures: decision 0061.
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
  /**
   * Standard deviation of a factor of all slopes together: how much readings explain differs from machine to machine and from neighbour to
   * neighbour, and the starts at hand tell; 0 = it is known.
   */
  readonly explainedSd: number;
  /** How far a row's own slopes may lie from those of all. */
  readonly rowSlopesSd: Readings;
  /** Standard deviation of calm starts. */
  readonly spread: number;
  /** What a unit of each reading adds to that. */
  readonly spreadSlopes: Readings;
  /** Standard deviation of what one sitting of the machine does to all that is measured in it. */
  readonly sitting: number;
}

/** What another run of the same rows on the same machine differs by, alike in all rows. */
export interface BetweenRuns {
  /** Of a run's level, as a logarithm. */
  readonly variance: number;
  readonly df: number;
}

/** What the rows of one machine have in common. */
export interface Common {
  readonly prior: Prior;
  /** What readings explain here, as a share of what they do by the prior: all that is assumed of them counts by it. */
  readonly explained: number;
  readonly slopes: Readings;
  readonly covariance: readonly Readings[];
  /** Of a calm start, as it weighs outliers. */
  readonly variance: number;
  /** How starts differ in rows like these; null where too few rows tell. */
  readonly typical: TypicalSpread | null;
  /** What was read beside a start of these rows: the median of each reading. */
  readonly typicalReadings: Readings;
  /** The median of what happened to their starts beyond what was read (`Starts.beyond`). */
  readonly typicalBeyond: number;
  readonly betweenRuns: BetweenRuns;
}

/** A level of a row with the standard error of what a further run is told by it, and Student's degrees of freedom. */
export interface Level {
  readonly centre: number;
  readonly error: number;
  readonly df: number;
}

/** What is known of one row. Logarithms; variances and errors are of logarithms, too. */
export interface Estimate {
  /** Of the calm machine. */
  readonly centre: number;
  /** Of the conditions that all rows share; its error is that of another run's number (a prediction). */
  readonly thisRun: Level;
  /** The same starts with the same weights, not adjusted. `centre − unadjusted` is the adjustment. */
  readonly unadjusted: number;
  /** The mean of the starts, each alike. */
  readonly asMeasured: number;
  /** The lowest and the highest of the starts. */
  readonly range: readonly [number, number];
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
/** What runs differ by before any is seen, as a share of what neighbours took of one, and what that counts for among passes. */
const RUNS_TOLL = 0.4;
const RUNS_DF = 4;
/** Rows that a pass must have for its level to be one. */
const LEAST_OF_PASS = 3;
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

/** Slopes and spread of rows that were measured on one machine; a row of one start tells what was read, and no more. */
export function commonOf(rows: readonly Starts[], prior: Prior): Common {
  const telling = rows.filter((row) => countOf(row) > 1);
  const [typicalReadings, meanReadings] = [typicalReadingsOf(rows), meanReadingsOf(rows)];
  const weights = telling.map((row) => calmOf(row, { prior, explained: 1 }));
  const expected = dot(meanReadings, prior.slopes);
  let explained = 1;
  let [slopes, variance] = [prior.slopes, prior.spread ** 2];
  const precision = inverseOf(priorCovariance(prior));
  let covariance: readonly Readings[] = priorCovariance(prior);
  for (let round = 0, moved = 1; telling.length > 0 && round < MOST_ROUNDS && moved > SETTLED; round += 1) {
    const sums = new Sums(prior.slopes, precision, variance);
    for (const [r, row] of telling.entries()) {
      const centre = centreOf(row, weights[r]!, slopes);
      reweigh(row, weights[r]!, centre, { prior, explained, slopes, variance });
      sums.add(row, weights[r]!, squaresOf(row, weights[r]!, centre, slopes));
    }
    const inverse = inverseOf(sums.matrix);
    const next = triple((k) => Math.max(0, dot(inverse[k]!, sums.vector)));
    const spread = (sums.squares + PRIOR_DF * prior.spread ** 2) / (sums.df + PRIOR_DF);
    moved = Math.max(...next.map((slope, k) => Math.abs(slope - slopes[k]!)), Math.abs(spread - variance));
    [slopes, variance] = [next, spread];
    explained =
      expected === 0 || prior.explainedSd === 0 ? 1 : Math.min(1, dot(meanReadings, slopes) / expected);
    covariance = inverse.map((line) => triple((k) => line[k]! * spread));
  }
  const fitted: Common = {
    prior,
    explained,
    slopes,
    covariance,
    variance,
    typical: null,
    typicalReadings,
    typicalBeyond: typicalBeyondOf(rows),
    betweenRuns: betweenRunsOf(telling, dot(meanReadings, slopes), prior),
  };
  const first = commonAlike(fitted, telling, (_row, _first, place) => weights[place]!);
  const joined = isUnlike(first) ? commonAlike(first, telling, weightsOf) : first;
  return { ...joined, typicalReadings };
}

/** What is not known of the slopes before any start is seen: of each by itself, and of the factor of all of them. */
function priorCovariance({ slopes, slopesSd, explainedSd }: Prior): readonly Readings[] {
  const covariance = (k: number, l: number) =>
    explainedSd ** 2 * slopes[k]! * slopes[l]! + (k === l ? slopesSd[k]! ** 2 : 0);
  return [0, 1, 2].map((k) => triple((l) => covariance(k, l)));
}

const readingsIn = (rows: readonly Starts[]): readonly Readings[] =>
  rows.flatMap(({ y, x }) => x.filter((own, i): own is Readings => own !== null && y[i] != null));

function typicalReadingsOf(rows: readonly Starts[]): Readings {
  const all = readingsIn(rows);
  return all.length === 0 ? NONE : triple((k) => median(all.map((x) => x[k])));
}

function meanReadingsOf(rows: readonly Starts[]): Readings {
  const all = readingsIn(rows);
  return all.length === 0 ? NONE : triple((k) => mean(all.map((x) => x[k])));
}

function typicalBeyondOf(rows: readonly Starts[]): number {
  const all = rows.flatMap(({ y, beyond = [] }) => beyond.filter((_, i) => y[i] != null));
  return all.length === 0 ? 0 : median(all);
}

/**
 * What runs differ by, from the only one there is: its passes over all rows lie minutes apart, and neighbours that take much take more or less
 * of it the next time.
 * @param toll what neighbours took of a start of this run, as a logarithm.
 */
function betweenRunsOf(rows: readonly Starts[], toll: number, { sitting }: Prior): BetweenRuns {
  const prior = sitting ** 2 + (RUNS_TOLL * toll) ** 2;
  const passes = Math.max(0, ...rows.map(({ y }) => y.length));
  const levels = Array.from({ length: passes }, (_, pass) => {
    const apart = rows.flatMap(({ y }) => {
      const known = y.filter((own) => own !== null);
      return y[pass] == null ? [] : [y[pass] - mean(known)];
    });
    return apart.length < LEAST_OF_PASS ? [] : [median(apart)];
  }).flat();
  if (levels.length < 2) return { variance: prior, df: RUNS_DF };
  const df = levels.length - 1;
  return { variance: (RUNS_DF * prior + moments(levels).squares) / (RUNS_DF + df), df: RUNS_DF + df };
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
  return { ...first, typical: typicalSpread(spreads), typicalReadings: typicalReadingsOf(rows) };
}

/** @returns the weight of each start of a row, by what was read beside it and by how far it lies from the others. */
export function weightsOf(row: Starts, common: Common): readonly number[] {
  const weights = calmOf(row, common);
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
  const { prior, slopes, explained } = common;
  const starts = countOf(row);
  if (starts === 0) return null;
  const middle = meansOf(row, weights);
  const centre = middle.y + dot(middle.x, slopes);
  const squares = starts === 1 ? 0 : squaresOf(row, weights, centre, slopes);
  const beside = spreadBeside(squares, starts - 1, common);
  const { variance: perStart, df } = moderated({ squares, df: starts - 1 }, beside);
  const variance = (inflationOf(common) * perStart) / middle.total;
  // On a machine where starts hardly differ, sittings do not differ by more.
  const sittingVariance = Math.min(prior.sitting ** 2, beside.df > 0 ? beside.variance : perStart);
  const beyond = (explained * beyondOf(row, weights)) / middle.total;
  const error = Math.sqrt(variance + slopeVariance(middle.x, common) + beyond ** 2 + sittingVariance);
  const own = row.y.filter((y) => y !== null);
  return {
    centre,
    thisRun: thisRunOf({ centre, variance, df, beyond, readings: middle.x }, common),
    unadjusted: middle.y,
    asMeasured: mean(own),
    range: [Math.min(...own), Math.max(...own)],
    error,
    df,
    variance,
    squares,
    weight: middle.total,
    sittingVariance,
    beyond,
    starts,
    readings: middle.x,
  };
}

/**
 * The level at the readings that all rows share. Another run has starts, readings and slopes of its own, so that all variances count
 * twice. Degrees of freedom by Welch–Satterthwaite (Biometrika 34, 1947).
 */
function thisRunOf(
  {
    centre,
    variance,
    df,
    beyond,
    readings,
  }: Pick<Estimate, 'centre' | 'variance' | 'df' | 'beyond' | 'readings'>,
  common: Common,
): Level {
  const { slopes, explained, typicalReadings, typicalBeyond, betweenRuns } = common;
  const apart = triple((k) => readings[k] - typicalReadings[k]);
  const squared =
    variance +
    slopeVariance(apart, common) +
    (beyond - explained * typicalBeyond) ** 2 +
    betweenRuns.variance;
  return {
    centre: centre - dot(typicalReadings, slopes),
    error: Math.sqrt(2 * squared),
    df:
      (variance + betweenRuns.variance) ** 2 /
      (variance ** 2 / df + betweenRuns.variance ** 2 / betweenRuns.df),
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
const slopeVariance = (x: Readings, common: Common): number =>
  sharedSlopeVariance(x, common.covariance) + ownSlopeVariance(x, common);

/** What is assumed of readings, and how much of it counts. */
type Believed = Pick<Common, 'prior' | 'explained'>;

/** What is not known of the slopes that all rows share. */
export const sharedSlopeVariance = (x: Readings, covariance: readonly Readings[]): number =>
  x[0] * dot(covariance[0]!, x) + x[1] * dot(covariance[1]!, x) + x[2] * dot(covariance[2]!, x);

/** What a row's own slopes may differ by from those of all. */
export const ownSlopeVariance = (x: Readings, { prior, explained }: Believed): number =>
  explained ** 2 * quadratic(x, prior.rowSlopesSd);

/** What share of a calm start a start is worth by what was read beside it: 1 = it was alone. */
export function calmness(x: Readings | null, prior: Prior, explained = 1): number {
  return x === null ? 1 : 1 / (1 + (explained ** 2 * quadratic(x, prior.spreadSlopes)) / prior.spread ** 2);
}

const calmOf = ({ x }: Starts, known: Believed): number[] =>
  x.map((own) => calmness(own, known.prior, known.explained));

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
  { prior, explained, slopes, variance }: Believed & Pick<Common, 'slopes' | 'variance'>,
): void {
  for (let i = 0; i < y.length; i += 1) {
    const own = y[i]!;
    if (own === null) continue;
    const [calm, error] = [calmness(x[i]!, prior, explained), adjusted(own, x[i]!, slopes) - centre];
    weights[i] = (calm * (FREEDOM + 1)) / (FREEDOM + (calm * error * error) / variance);
  }
}

/** Normal equations of the slopes, within rows, with those of the prior. */
class Sums {
  readonly matrix: number[][];
  readonly vector: number[];
  squares = 0;
  df = 0;

  /** @param precision inverse of what is not known of the slopes before any start is seen. */
  constructor(slopes: Readings, precision: readonly (readonly number[])[], variance: number) {
    this.matrix = precision.map((line) => line.map((p) => variance * p));
    this.vector = this.matrix.map((line) => dot(line, slopes));
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
/** Of a symmetric positive definite matrix of three lines, by its cofactors. */
function inverseOf(m: readonly (readonly number[])[]): number[][] {
  const at = (i: number, j: number) => m[i % 3]![j % 3]!;
  const cofactor = (i: number, j: number) =>
    at(i + 1, j + 1) * at(i + 2, j + 2) - at(i + 1, j + 2) * at(i + 2, j + 1);
  const determinant = at(0, 0) * cofactor(0, 0) + at(0, 1) * cofactor(0, 1) + at(0, 2) * cofactor(0, 2);
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) => cofactor(j, i) / determinant));
}
