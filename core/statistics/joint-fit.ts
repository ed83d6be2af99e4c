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

/** One number for each kind of reading: lost share of the cores, logarithm of the ratio of latencies, share of the CPU time that others had. */
export type Readings = readonly [number, number, number];

export interface StartLog {
  /** Natural logarithm; null where the start has no number: it counts for nothing then. */
  readonly y: number | null;
  /** null where nothing was read: nothing is adjusted, and the start counts in full. */
  readonly x: Readings | null;
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
  readonly starts: number;
  /** How many calm starts these are worth, by their readings alone. */
  readonly weight: number;
  /** What was read beside the starts, each by its weight. */
  readonly readings: Readings;
}

export interface JointFit {
  readonly prior: Prior;
  readonly slopes: Readings;
  readonly covariance: readonly Readings[];
  /** Of each start of each row, by its readings and by how far it lies from its row. */
  readonly weights: readonly (readonly number[])[];
  /** In the order given; null for a row without a number. */
  readonly rows: readonly (Estimate | null)[];
}

/** Degrees of freedom of the starts' errors. */
const FREEDOM = 4;
/** What the variance of a weighted mean is larger by: (ν + 3) / (ν + 1), the inverse of Student's information of a location. */
const INFLATION = (FREEDOM + 3) / (FREEDOM + 1);
/** What the prior spread counts for among starts, and what all rows may count for beside a row's own. */
const PRIOR_DF = 4;
const MOST_ROUNDS = 25;
const SETTLED = 1e-9;

/**
 * Fits all rows together.
 * @param rows starts of each row. For a comparison of two runs the rows of both, each run's own: what they share are the slopes.
 * @param sign 1 where neighbours lower the metric (rates), −1 where they raise it (times).
 */
export function jointFit(rows: readonly (readonly StartLog[])[], prior: Prior, sign: 1 | -1 = 1): JointFit {
  const groups = rows.map((starts) => groupOf(starts, prior, sign));
  let [slopes, variance] = [prior.slopes, prior.spread ** 2];
  let covariance = diagonal(prior.slopesSd.map((sd) => sd ** 2));
  // A row of one start fits whatever the slopes are.
  const several = groups.filter(({ count }) => count > 1);
  for (let round = 0, moved = 1; several.length > 0 && round < MOST_ROUNDS && moved > SETTLED; round += 1) {
    const precision = prior.slopesSd.map((sd) => variance / sd ** 2);
    const sums = new Sums(precision, prior.slopes);
    for (const group of several) {
      reweigh(group, slopes, variance);
      sums.add(group);
    }
    const inverse = inverseOf(sums.matrix);
    const next = times(inverse, sums.vector).map((slope) => Math.max(0, slope)) as unknown as Readings;
    moved = Math.max(...next.map((slope, k) => Math.abs(slope - slopes[k]!)));
    slopes = next;
    variance = (sums.squares + PRIOR_DF * prior.spread ** 2) / (sums.df + PRIOR_DF);
    covariance = inverse.map((line) => line.map((v) => v * variance) as unknown as Readings);
  }
  return finished(groups, { prior, slopes, covariance }, sign);
}

/**
 * The same rows by another metric of the same kind: slopes and weights are those of the fit, so that what is derived from each other
 * stays so; centre and spread are its own.
 * @param rows the same starts in the same order.
 */
export function alike(fit: JointFit, rows: readonly (readonly StartLog[])[], sign: 1 | -1): JointFit {
  const groups = rows.map((starts, r) => ({
    ...groupOf(starts, fit.prior, sign),
    weights: starts.map(({ y }, i) => (y === null ? 0 : fit.weights[r]![i]!)),
  }));
  return finished(groups, fit, sign);
}

/** The starts of one row, as the rounds need them. Its y fall where readings rise. */
interface Group {
  readonly y: readonly number[];
  readonly x: readonly Readings[];
  /** By readings; a start without a number keeps one, for other metrics of it. */
  readonly calm: readonly number[];
  readonly present: readonly boolean[];
  readonly count: number;
  /** By readings, and by how far each lies from the row. */
  weights: number[];
  /** Squares about the centre, weighted. */
  squares: number;
}

const NONE: Readings = [0, 0, 0];

function groupOf(starts: readonly StartLog[], prior: Prior, sign: 1 | -1): Group {
  const x = starts.map((start) => start.x ?? NONE);
  const calm = x.map((readings) => 1 / (1 + quadratic(readings, prior.spreadSlopes) / prior.spread ** 2));
  const present = starts.map(({ y }) => y !== null);
  return {
    y: starts.map(({ y }) => (y === null ? 0 : sign * y)),
    x,
    calm,
    present,
    count: present.filter(Boolean).length,
    weights: [...calm],
    squares: 0,
  };
}

/** Weights of one round: each start by its readings and by its distance from the row's centre so far. */
function reweigh(group: Group, slopes: Readings, variance: number): void {
  const { y, x, calm, present } = group;
  const centre = centreOf(group, slopes);
  group.squares = 0;
  for (let i = 0; i < y.length; i += 1) {
    if (!present[i]) continue;
    const error = y[i]! + dot(x[i]!, slopes) - centre;
    group.weights[i] = (calm[i]! * (FREEDOM + 1)) / (FREEDOM + (calm[i]! * error * error) / variance);
    group.squares += group.weights[i]! * error * error;
  }
}

function centreOf({ y, x, weights, present }: Group, slopes: Readings): number {
  let [sum, total] = [0, 0];
  for (let i = 0; i < y.length; i += 1) {
    if (!present[i]) continue;
    sum += weights[i]! * (y[i]! + dot(x[i]!, slopes));
    total += weights[i]!;
  }
  return sum / total;
}

/** Weighted means of a row's y and x. */
function meansOf({ y, x, weights, present }: Group): { total: number; y: number; x: Readings } {
  let [total, sumY] = [0, 0];
  const sumX: [number, number, number] = [0, 0, 0];
  for (let i = 0; i < y.length; i += 1) {
    if (!present[i]) continue;
    total += weights[i]!;
    sumY += weights[i]! * y[i]!;
    for (let k = 0; k < 3; k += 1) sumX[k]! += weights[i]! * x[i]![k]!;
  }
  return { total, y: sumY / total, x: [sumX[0] / total, sumX[1] / total, sumX[2] / total] };
}

/** Normal equations of the slopes, within rows. */
class Sums {
  readonly matrix: number[][];
  readonly vector: number[];
  squares = 0;
  df = 0;

  constructor(precision: readonly number[], prior: Readings) {
    this.matrix = diagonal(precision).map((line) => [...line]);
    this.vector = precision.map((p, k) => p * prior[k]!);
  }

  add(group: Group): void {
    const mean = meansOf(group);
    for (let i = 0; i < group.y.length; i += 1) {
      if (!group.present[i]) continue;
      const weight = group.weights[i]!;
      for (let k = 0; k < 3; k += 1) {
        const d = weight * (group.x[i]![k]! - mean.x[k]!);
        if (d === 0) continue;
        this.vector[k]! -= d * (group.y[i]! - mean.y);
        for (let l = 0; l < 3; l += 1) this.matrix[k]![l]! += d * (group.x[i]![l]! - mean.x[l]!);
      }
    }
    this.squares += group.squares;
    this.df += group.count - 1;
  }
}

type Shared = Pick<JointFit, 'prior' | 'slopes' | 'covariance'>;

function finished(groups: readonly Group[], { prior, slopes, covariance }: Shared, sign: 1 | -1): JointFit {
  for (const group of groups) {
    const centre = centreOf(group, slopes);
    group.squares = group.y.reduce(
      (sum, y, i) =>
        group.present[i] ? sum + group.weights[i]! * (y + dot(group.x[i]!, slopes) - centre) ** 2 : sum,
      0,
    );
  }
  const typical = typicalSpread(groups.map(({ squares, count }) => ({ squares, df: count - 1 })));
  const spread: TypicalSpread = typical ?? { variance: prior.spread ** 2, df: PRIOR_DF };
  const all = { variance: spread.variance, df: Math.min(PRIOR_DF, Math.max(1, spread.df)) };
  const rows = groups.map((group): Estimate | null => {
    if (group.count === 0) return null;
    const mean = meansOf(group);
    const df = group.count - 1 + all.df;
    const variance = (INFLATION * (group.squares + all.df * all.variance)) / df / mean.total;
    const error = Math.sqrt(variance + slopeVariance(mean.x, prior, covariance) + prior.sitting ** 2);
    return {
      centre: sign * (mean.y + dot(mean.x, slopes)),
      asMeasured: sign * mean.y,
      error,
      df,
      variance,
      starts: group.count,
      weight: group.calm.reduce((sum, calm, i) => (group.present[i] ? sum + calm : sum), 0),
      readings: mean.x,
    };
  });
  return { prior, slopes, covariance, weights: groups.map(({ weights }) => weights), rows };
}

/** What slopes leave open at these readings: those of all rows are estimates, and a row's own differ from them. */
export function slopeVariance(x: Readings, prior: Prior, covariance: readonly Readings[]): number {
  return dot(x, times(covariance, x)) + quadratic(x, prior.rowSlopesSd);
}

const dot = (a: readonly number[], b: readonly number[]) => a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!;
const quadratic = (x: Readings, by: Readings) =>
  (x[0] * by[0]) ** 2 + (x[1] * by[1]) ** 2 + (x[2] * by[2]) ** 2;
const times = (matrix: readonly (readonly number[])[], vector: readonly number[]): number[] =>
  matrix.map((line) => dot(line, vector));
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
