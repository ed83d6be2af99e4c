import { studentQuantile, studentTwoSided } from './distributions.js';
import type { Interval } from './interval.js';
import { type Common, type Estimate, type Readings, slopeVariance } from './joint-fit.js';

/** The difference of two rows of one fit: candidate less base, as a logarithm. */
export interface Difference {
  readonly logRatio: number;
  readonly error: number;
  readonly df: number;
  /** Two-sided, of no difference. */
  readonly p: number;
  /** The smallest ratio (above 1) that would be found in four of five such comparisons, each alone at `confidence`. */
  readonly smallestVisible: number;
}

export interface DifferenceOptions {
  /** True where both rows were measured in one sitting, in turns: what the sitting does to both is no difference. */
  readonly oneSitting: boolean;
  /** Default 0.95. */
  readonly confidence?: number;
}

const POWER = 0.8;

/**
 * Compares two rows of one fit. Slopes are in the difference of what was read beside them only: rows that were disturbed alike are
 * compared as they are. Degrees of freedom by Welch–Satterthwaite (Biometrika 34, 1947) over the starts' own variances. For many
 * at once: `holm`.
 */
export function differenceOf(
  fit: Pick<Common, 'prior' | 'covariance'>,
  base: Estimate,
  candidate: Estimate,
  options: DifferenceOptions,
): Difference {
  const { confidence = 0.95, oneSitting } = options;
  const apart = candidate.readings.map((x, k) => x - base.readings[k]!) as unknown as Readings;
  const own = base.variance + candidate.variance;
  const df = own ** 2 / (base.variance ** 2 / base.df + candidate.variance ** 2 / candidate.df);
  const sittings = oneSitting ? 0 : base.sittingVariance + candidate.sittingVariance;
  const error = Math.sqrt(own + slopeVariance(apart, fit.prior, fit.covariance) + sittings);
  const logRatio = candidate.centre - base.centre;
  return {
    logRatio,
    error,
    df,
    p: studentTwoSided(logRatio / error, df),
    smallestVisible: Math.exp(
      (studentQuantile(0.5 + confidence / 2, df) + studentQuantile(POWER, df)) * error,
    ),
  };
}

/** @returns the interval of the ratio candidate / base. */
export function ratioInterval({ logRatio, error, df }: Difference, confidence = 0.95): Interval {
  return around(logRatio, error, df, confidence);
}

/** @returns the interval of a row's centre, in the unit of the metric. */
export function intervalOf({ centre, error, df }: Estimate, confidence = 0.95): Interval {
  return around(centre, error, df, confidence);
}

function around(centre: number, error: number, df: number, confidence: number): Interval {
  const half = quantileOf(0.5 + confidence / 2, df) * error;
  return [Math.exp(centre - half), Math.exp(centre + half)];
}

/** What was asked before: tens of thousands of rows have a few degrees of freedom between them. */
const QUANTILES = new Map<number, Map<number, number>>();
const MOST_KEPT = 1000;

function quantileOf(p: number, df: number): number {
  const kept = QUANTILES.get(p) ?? new Map<number, number>();
  if (kept.size > MOST_KEPT) kept.clear();
  const quantile = kept.get(df) ?? studentQuantile(p, df);
  QUANTILES.set(p, kept.set(df, quantile));
  return quantile;
}
