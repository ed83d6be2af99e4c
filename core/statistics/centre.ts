import type { Interval } from './interval.js';
import { mixtureQuantile, type StudentPart } from './mixture.js';
import { type Blocks, type StartValue, startLogs, unusable } from './nested.js';
import { mean, moments } from './summary.js';

/** What other rows of the same sweep and metric say of how starts differ (`pooledSpread`). */
export interface PooledSpread {
  /** Of the logarithms of what starts say. */
  readonly variance: number;
  /** How many degrees of freedom of its own it is worth to a row. */
  readonly df: number;
}

export interface CentreOptions {
  /** Default 0.95. */
  readonly confidence?: number;
  /** Default the median; a quantile for a percentile metric. */
  readonly startValue?: StartValue;
  readonly spread?: PooledSpread | null;
}

/** The number of a row, and what is known of it. */
export interface Centre {
  /** Geometric mean of what the starts say, in the unit of the readings; null without usable readings. */
  readonly centre: number | null;
  /** Of that centre in the long run: where further starts of the same command would take it. */
  readonly interval: Interval | null;
  /** Why there is no centre, or no interval. */
  readonly reason: string | null;
  readonly confidence: number;
  readonly starts: number;
  readonly blocks: number;
}

/**
 * The centre of one row, and the interval of that centre.
 *
 * Centre: the geometric mean over starts of each start's median. Times and rates are positive and their errors multiply. The median
 * of few starts has no interval of 95 % (three starts span it in 75 % of rows, five in 94 %), jumps where starts come in two
 * kinds, and scatters more.
 *
 * Interval: Student's t on the logarithms with starts − 1 degrees of freedom where each start has a block of its own; where
 * blocks hold several starts, `posterior` widens it by what blocks may add, which one block alone cannot show.
 */
export function centreOf(blocks: Blocks, options: CentreOptions = {}): Centre {
  const confidence = options.confidence ?? 0.95;
  const nothing = {
    centre: null,
    interval: null,
    confidence,
    starts: 0,
    blocks: 0,
    covers: 'nothing',
  } as const;
  const refusal = unusable(blocks);
  if (refusal !== null) return { ...nothing, reason: refusal };
  const logs = startLogs(blocks, options.startValue);
  const parts = posterior([logs], options.spread ?? null)?.map(({ share, sides }) => ({
    share,
    ...sides[0]!,
  }));
  const counts = { confidence, starts: logs.flat().length, blocks: logs.length };
  if (parts === undefined) {
    return {
      ...counts,
      centre: Math.exp(mean(logs.flat())),
      interval: null,
      reason: 'one start: how starts differ is not known',
    };
  }
  const end = (p: number) => Math.exp(mixtureQuantile(parts, p));
  return {
    ...counts,
    centre: Math.exp(parts.reduce((sum, { share, centre }) => sum + share * centre, 0)),
    interval: [end(0.5 - confidence / 2), end(0.5 + confidence / 2)],
    reason: null,
  };
}

/**
 * How far blocks may differ, as a multiple of how far starts do, with its share before the data are seen: a half normal of scale 1,
 * in steps. That is the one assumption here. It is all there is to go by with one block, and gives way to the data with several.
 */
const BLOCK_RATIOS = [0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3].map((ratio, i, all) => ({
  ratio,
  share: (((all[i + 1] ?? ratio) - (all[i - 1] ?? ratio)) / 2) * Math.exp((-ratio * ratio) / 2),
}));

/** A share of what is thought of one or two sides, and their centres' Student distributions under it. */
export interface Hypothesis {
  readonly share: number;
  readonly sides: readonly Omit<StudentPart, 'share'>[];
}

/**
 * What the logarithms say of each side's long-run centre.
 *
 * Model: logarithm = centre + block + start, both normal, blocks `ratio` times as far apart as starts. For a known ratio, the
 * generalized least squares mean is Student-distributed with starts − 1 degrees of freedom. Few blocks do not tell the ratio: the
 * interval for an unknown one is Student's with blocks − 1 degrees of freedom, 12.7 standard errors with two. So every ratio of
 * BLOCK_RATIOS counts by how likely it makes the data (Box & Tiao, "Bayesian Inference in Statistical Analysis", 1973, ch. 5; one
 * ratio for both sides of a comparison, since the machine is the same). With one start in each block the ratio changes nothing, and
 * what comes out is the plain t interval. Where blocks of several starts lie three times as far apart as starts, or more, the interval
 * is too narrow.
 *
 * A pooled spread counts like `df` further starts with that variance (Smyth, "Linear models and empirical Bayes methods",
 * Statistical Applications in Genetics and Molecular Biology 3(1), 2004).
 * @param sides logarithms of each side's starts by block, from `startLogs`.
 * @returns null when a side has fewer than two starts.
 */
export function posterior(
  sides: readonly (readonly (readonly number[])[])[],
  spread: PooledSpread | null,
): Hypothesis[] | null {
  if (sides.some((blocks) => blocks.flat().length < 2)) return null;
  const told = spread !== null || sides.some((blocks) => blocks.some((starts) => starts.length > 1));
  const varies = sides.some((blocks) => moments(blocks.flat()).squares > 0);
  const ratios = told && varies ? BLOCK_RATIOS : [{ ratio: 0, share: 1 }];
  const found = ratios.map(({ ratio, share }) => {
    const each = sides.map((blocks) => givenRatio(blocks, ratio, spread));
    return {
      sides: each,
      logShare: Math.log(share) + each.reduce((sum, side) => sum + side.logLikelihood, 0),
    };
  });
  const highest = Math.max(...found.map(({ logShare }) => logShare));
  const weights = found.map(({ logShare }) => (found.length === 1 ? 1 : Math.exp(logShare - highest)));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return found.map(({ sides: each }, i) => ({ share: weights[i]! / total, sides: each }));
}

/** One side under one ratio: least squares with the weights that the ratio gives to blocks. */
function givenRatio(blocks: readonly (readonly number[])[], ratio: number, spread: PooledSpread | null) {
  const weights = blocks.map((starts) => starts.length / (1 + starts.length * ratio * ratio));
  const total = weights.reduce((sum, w) => sum + w, 0);
  const means = blocks.map(mean);
  const centre =
    ratio === 0 ? mean(blocks.flat()) : means.reduce((s, m, b) => s + m * weights[b]!, 0) / total;
  const squares =
    blocks.reduce((sum, starts) => sum + moments(starts).squares, 0) +
    means.reduce((sum, m, b) => sum + weights[b]! * (m - centre) ** 2, 0) +
    (spread === null ? 0 : spread.df * spread.variance);
  const df = blocks.flat().length - 1 + (spread?.df ?? 0);
  const logLikelihood =
    blocks.reduce((sum, starts) => sum - Math.log(1 + starts.length * ratio * ratio) / 2, 0) -
    Math.log(total) / 2 -
    (df / 2) * Math.log(squares);
  return { centre, scale: Math.sqrt(squares / df / total), df, logLikelihood };
}
