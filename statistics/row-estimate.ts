import { type Common, sharedSlopeVariance } from './common-fit.js';
import { incompleteBeta } from './distributions.js';
import { mean } from './summary.js';
import type { TypicalSpread } from './typical-spread.js';
import {
  type Believed,
  countOf,
  dot,
  inflationOf,
  meansOf,
  moderated,
  PRIOR_DF,
  quadratic,
  type Readings,
  type Starts,
  squaresOf,
  triple,
} from './weighted-starts.js';

/**
 * The estimate of one row from its starts, and from what all rows have in common (joint-fit.ts has the
 * model).
 */

/**
 * A level of a row, with its standard error as a prediction of a further run, and Student's degrees of
 * freedom.
 */
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
  /**
   * Standard error of the centre, with everything that is uncertain: starts, slopes, the row's own slopes,
   * the sitting.
   */
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
  /**
   * Standard error of what happened to its starts without a reading that tells its size. It is common to rows
   * beside the same neighbour.
   */
  readonly beyond: number;
  readonly starts: number;
  /** What was read beside the starts, each by its weight. */
  readonly readings: Readings;
}

/**
 * If the prior held, starts would lie this close together with this chance only; then it is taken to belong
 * to another machine.
 */
const REFUTED = 0.02;

/**
 * Estimates a row from its starts.
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
 * The level at the readings that all rows share. Another run has starts, readings and slopes of its own, so
 * all variances count twice. Degrees of freedom by Welch–Satterthwaite (Biometrika 34, 1947).
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
 * What is known of how a row's starts differ, other than from themselves. It comes from other rows, and
 * counts for less the more these differ among themselves. Without other rows it is the prior, unless the
 * row's own starts refute it.
 */
function spreadBeside(squares: number, df: number, { prior, typical }: Common): TypicalSpread {
  if (typical !== null) return { variance: typical.variance, df: Math.min(PRIOR_DF, typical.df) };
  const expected = PRIOR_DF * prior.spread ** 2;
  // P(F ≤ f) = I(squares / (squares + expected); df / 2, prior df / 2).
  const refuted = df > 0 && incompleteBeta(squares / (squares + expected), df / 2, PRIOR_DF / 2) < REFUTED;
  return { variance: prior.spread ** 2, df: refuted ? 0 : PRIOR_DF };
}

/**
 * The uncertainty that slopes leave at these readings: the slopes of all rows are estimates, and a row's own
 * differ from them.
 */
const slopeVariance = (x: Readings, common: Common): number =>
  sharedSlopeVariance(x, common.covariance) + ownSlopeVariance(x, common);

/** What a row's own slopes may differ by from those of all. */
export const ownSlopeVariance = (x: Readings, { prior, explained }: Believed): number =>
  explained ** 2 * quadratic(x, prior.rowSlopesSd);
