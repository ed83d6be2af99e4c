import { type Common, sharedSlopeVariance } from './common-fit.js';
import { studentQuantile, studentTwoSided } from './distributions.js';
import type { Interval } from './interval.js';
import { type Estimate, type Level, ownSlopeVariance } from './row-estimate.js';
import { mean } from './summary.js';
import type { TypicalSpread } from './typical-spread.js';
import { inflationOf, isUnlike, moderated, priorBeside, triple } from './weighted-starts.js';

/** The difference of two rows of one fit: candidate less base, as a logarithm. */
export interface Difference {
  readonly logRatio: number;
  readonly error: number;
  /** The part of the squared error that more starts would reduce. */
  readonly startsVariance: number;
  readonly df: number;
  /** Two-sided, of no difference. */
  readonly p: number;
  /**
   * The smallest ratio (above 1) that would be found in four of five such comparisons, each alone at
   * `confidence`.
   */
  readonly smallestVisible: number;
}

export interface DifferenceOptions {
  /**
   * True where both rows were measured in one sitting, in turns: what the sitting does to both cancels out.
   */
  readonly oneSitting: boolean;
  /** Default 0.95. */
  readonly confidence?: number;
}

const POWER = 0.8;
/**
 * Standard error of an adjustment, as a share of the adjustment, in logarithms. With the same readings, one
 * kind of neighbour slows a trial down more than another, and the starts of one run do not show which kind it
 * was (decision 0061).
 */
const MISJUDGED = 1 / 3;
/**
 * Error that neighbours cause in all rows of a sitting alike, as a share of their effect, in logarithms
 * (decision 0061). It does not average out over the rows.
 */
const WANDERS = 0.2;
const adjustmentOf = ({ centre, unadjusted }: Estimate) => centre - unadjusted;

/** The same row on both sides. */
export interface Sides {
  readonly base: Estimate;
  readonly candidate: Estimate;
}

/**
 * Compares rows of one fit: one pair, or the geometric mean of the ratios of many, as benchstat and SPEC do.
 *
 * Slopes matter only if readings differ between the two rows; rows that were disturbed alike are compared as
 * they are. Over many pairs, each row's own error averages out. The errors of the sittings, alone and beside
 * neighbours, and of the shared slopes stay. Degrees of freedom by Welch–Satterthwaite (Biometrika 34, 1947)
 * over the starts' own variances. For many differences at once: `holm`.
 * @param pairs at least one.
 */
export function differenceOf(fit: Known, pairs: readonly Sides[], options: DifferenceOptions): Difference {
  const { confidence = 0.95, oneSitting } = options;
  const apart = pairs.map(({ base, candidate }) => triple((k) => candidate.readings[k] - base.readings[k]));
  const sides = pairs.flatMap(({ base, candidate }) => [base, candidate]);
  const parts = pairs.flatMap((pair) =>
    tellsLittle(fit) && isBalanced(pair) ? [pooled(pair, fit)] : [pair.base, pair.candidate],
  );
  const own = sum(parts.map(({ variance }) => variance));
  const df = own ** 2 / sum(parts.map((part) => part.variance ** 2 / part.df));
  const ownSlopes = sum(apart.map((x) => ownSlopeVariance(x, fit)));
  const middle = triple((k) => mean(apart.map((x) => x[k])));
  const [before, after] = [
    mean(pairs.map(({ base }) => adjustmentOf(base))),
    mean(pairs.map(({ candidate }) => adjustmentOf(candidate))),
  ] as const;
  const beyond = mean(pairs.map(({ base, candidate }) => candidate.beyond - base.beyond));
  const sittings = oneSitting ? 0 : 2 * mean(sides.map(({ sittingVariance }) => sittingVariance));
  const wandering = oneSitting ? 0 : WANDERS ** 2 * (before ** 2 + after ** 2);
  const error = Math.sqrt(
    (own + ownSlopes) / pairs.length ** 2 +
      sharedSlopeVariance(middle, fit.covariance) +
      (MISJUDGED * (after - before)) ** 2 +
      beyond ** 2 +
      sittings +
      wandering,
  );
  const logRatio = mean(pairs.map(({ base, candidate }) => candidate.centre - base.centre));
  return {
    logRatio,
    error,
    startsVariance: own / pairs.length ** 2,
    df,
    p: studentTwoSided(logRatio / error, df),
    smallestVisible: Math.exp(
      (studentQuantile(0.5 + confidence / 2, df) + studentQuantile(POWER, df)) * error,
    ),
  };
}

type Known = Pick<Common, 'prior' | 'explained' | 'covariance' | 'typical'>;

const tellsLittle = (fit: Known) => fit.typical === null || isUnlike(fit);

/**
 * The variance of a difference when other rows say little about it. Both sides are the same row, so the
 * starts of both show how its starts differ (Student's test of two samples). Without other rows, the prior
 * spread supplies only the missing degrees of freedom, because a prior that is wrong for the machine would
 * give too many findings or too few (bench:azure).
 */
function pooled({ base, candidate }: Sides, fit: Known): TypicalSpread {
  const squares = base.squares + candidate.squares;
  const own = base.starts + candidate.starts - 2;
  const { variance, df } = moderated({ squares, df: own }, fit.typical ?? priorBeside(own, fit.prior));
  return { variance: inflationOf(fit) * variance * (1 / base.weight + 1 / candidate.weight), df };
}

/** If one side had many more starts, it alone would decide the spread of the other. */
const isBalanced = ({ base, candidate }: Sides) =>
  Math.max(base.starts, candidate.starts) <= 2 * Math.min(base.starts, candidate.starts);

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** @returns the interval of the ratio candidate / base. */
export function ratioInterval({ logRatio, error, df }: Difference, confidence = 0.95): Interval {
  return intervalAround(logRatio, error, df, confidence);
}

/** @returns the interval of a level of a row, in the unit of the metric. */
export function intervalOf({ centre, error, df }: Level, confidence = 0.95): Interval {
  return intervalAround(centre, error, df, confidence);
}

function intervalAround(centre: number, error: number, df: number, confidence: number): Interval {
  const half = quantileOf(0.5 + confidence / 2, df) * error;
  return [Math.exp(centre - half), Math.exp(centre + half)];
}

/** Cache of quantiles: tens of thousands of rows have only a few different degrees of freedom. */
const QUANTILES = new Map<number, Map<number, number>>();
const MOST_KEPT = 1000;

function quantileOf(p: number, df: number): number {
  const known = QUANTILES.get(p) ?? new Map<number, number>();
  if (known.size > MOST_KEPT) known.clear();
  const quantile = known.get(df) ?? studentQuantile(p, df);
  QUANTILES.set(p, known.set(df, quantile));
  return quantile;
}
