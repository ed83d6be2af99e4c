import { median } from './quantile.js';
import { mean, moments } from './summary.js';
import { typicalSpread } from './typical-spread.js';
import {
  calmOf,
  centreOf,
  countOf,
  dot,
  isUnlike,
  MOST_ROUNDS,
  meansOf,
  PRIOR_DF,
  type Prior,
  type Readings,
  reweigh,
  SETTLED,
  type Starts,
  squaresOf,
  triple,
  type Weighing,
  weightsOf,
} from './weighted-starts.js';

/** What the rows of one machine have in common, from all their starts (joint-fit.ts has the model). */

/**
 * How much the level of another run of the same rows on the same machine differs from this one; the
 * difference is the same in all rows.
 */
export interface BetweenRuns {
  /** Of a run's level, as a logarithm. */
  readonly variance: number;
  readonly df: number;
}

/** What the rows of one machine have in common. */
export interface Common extends Weighing {
  readonly covariance: readonly Readings[];
  /** What was read beside a start of these rows: the median of each reading. */
  readonly typicalReadings: Readings;
  /** The median over these starts of the error that readings do not explain (`Starts.beyond`). */
  readonly typicalBeyond: number;
  readonly betweenRuns: BetweenRuns;
}

/**
 * Prior for how much runs differ, as a share of what neighbours took from a run, and its degrees of freedom
 * beside those of the passes.
 */
const RUNS_TOLL = 0.4;
const RUNS_DF = 4;
/** The fewest rows from which the level of a pass is estimated. */
const LEAST_OF_PASS = 3;
const NONE: Readings = [0, 0, 0];

/**
 * Slopes and spread of rows that were measured on one machine. A row with a single start contributes only
 * what was read beside it.
 */
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

/**
 * Prior covariance of the slopes: the uncertainty of each slope, and that of the factor that all of them
 * share.
 */
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
 * How much runs differ, estimated from a single run. Its passes over all rows are minutes apart, so they show
 * how the level varies with time; and the more neighbours take, the more that can change until the next run.
 * @param toll how much slower neighbours made a start of this run, as a logarithm.
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
 * What the same rows have in common in another metric of the same kind. Slopes and weights are taken from the
 * first metric, so that numbers that depend on each other agree. The spread of starts is estimated from the
 * metric itself.
 * @param weights of each start of a row, by the first metric (`weightsOf`).
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

/** Variance that the uncertainty of the shared slopes adds at these readings. */
export const sharedSlopeVariance = (x: Readings, covariance: readonly Readings[]): number =>
  x[0] * dot(covariance[0]!, x) + x[1] * dot(covariance[1]!, x) + x[2] * dot(covariance[2]!, x);

/** Normal equations of the slopes, within rows, with those of the prior. */
class Sums {
  readonly matrix: number[][];
  readonly vector: number[];
  squares = 0;
  df = 0;

  /** @param precision inverse of the prior covariance of the slopes. */
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

/** Inverse of a symmetric positive definite 3 × 3 matrix, by its cofactors. */
function inverseOf(m: readonly (readonly number[])[]): number[][] {
  const element = (i: number, j: number) => m[i % 3]![j % 3]!;
  const cofactor = (i: number, j: number) =>
    element(i + 1, j + 1) * element(i + 2, j + 2) - element(i + 1, j + 2) * element(i + 2, j + 1);
  const determinant =
    element(0, 0) * cofactor(0, 0) + element(0, 1) * cofactor(0, 1) + element(0, 2) * cofactor(0, 2);
  return [0, 1, 2].map((i) => [0, 1, 2].map((j) => cofactor(j, i) / determinant));
}
