import { type Hypothesis, type PooledSpread, posterior } from './centre.js';
import { type CompareOptions, type Comparison, decide, settingsOf, unclear } from './compare.js';
import { studentQuantile, studentTwoSided } from './distributions.js';
import { mixtureCdf, mixtureQuantile, type StudentPart } from './mixture.js';
import { type Blocks, type StartValue, startLogs, unusable } from './nested.js';
import { mannWhitney, permutation } from './significance.js';
import { mean } from './summary.js';

export interface RatioOptions extends CompareOptions {
  /** Default the median; a quantile for a percentile metric. */
  readonly startValue?: StartValue;
  /** How starts differ in rows like these, on either side (`pooledSpread`). */
  readonly spread?: PooledSpread | null;
}

/**
 * Compares two rows that were each measured by several starts: candidate / base of their centres, with the interval that covers
 * what two further runs would give. Times and rates are positive and their errors multiply, so it is
 * Welch's test on the logarithms of what starts say, one number a start, and its interval is taken back through exp; blocks
 * and other rows come in as `centreOf` has it. For many at once see `adjustForMany`.
 *
 * @returns ratio and no interval when a side has one start; neither when a side has no usable readings.
 */
export function compareStarts(base: Blocks, candidate: Blocks, options: RatioOptions = {}): Comparison {
  const settings = settingsOf(options);
  const refusal = unusable(base) ?? unusable(candidate);
  if (refusal !== null) return unclear(refusal, settings);
  const { startValue } = options;
  const a = startLogs(base, startValue);
  const b = startLogs(candidate, startValue);
  const hypotheses = posterior([a, b], options.spread ?? null);
  if (hypotheses === null) {
    const ratio = Math.exp(mean(b.flat()) - mean(a.flat()));
    return { ...unclear('one side has one start: how its starts differ is not known', settings), ratio };
  }
  const parts = hypotheses.map(difference);
  const end = (p: number) => Math.exp(mixtureQuantile(parts, p));
  const [low, high] = [0.5 - settings.confidence / 2, 0.5 + settings.confidence / 2];
  return decide({
    ratio: Math.exp(parts.reduce((sum, { share, centre }) => sum + share * centre, 0)),
    interval: [end(low), end(high)],
    p: Math.min(1, 2 * Math.min(mixtureCdf(parts, 0), mixtureCdf(parts.map(mirrored), 0))),
    mannWhitneyP: mannWhitney(a.flat(), b.flat())?.p ?? null,
    permutationP:
      permutation(a.flat(), b.flat(), options.seed === undefined ? {} : { seed: options.seed })?.p ?? null,
    verdict: 'unclear',
    reason: null,
    ...settings,
  });
}

/** What both rows read in one block that they share, one number a start. */
export interface SharedBlock {
  readonly base: readonly number[];
  readonly candidate: readonly number[];
}

/**
 * Compares two rows that were measured in the same blocks, block by block: what a block does to both rows is in neither ratio. The
 * differences of their mean logarithms, weighted by how many starts they come from, against Student's t with blocks − 1 degrees of
 * freedom (a paired t test for one start a side and block); a pooled spread counts like `df` further starts.
 * @returns ratio and no interval where fewer than two blocks have readings of both; neither without any.
 */
export function compareWithinBlocks(blocks: readonly SharedBlock[], options: RatioOptions = {}): Comparison {
  const settings = settingsOf(options);
  const refusal = unusable([blocks.map(({ base }) => base)]) ?? unusable([blocks.map((b) => b.candidate)]);
  if (refusal !== null) return unclear(refusal, settings);
  const pairs = blocks
    .filter(({ base, candidate }) => base.length > 0 && candidate.length > 0)
    .map(({ base, candidate }) => ({
      difference: mean(candidate.map(Math.log)) - mean(base.map(Math.log)),
      weight: 1 / (1 / base.length + 1 / candidate.length),
    }));
  if (pairs.length === 0) return unclear('no block has readings of both', settings);
  const total = pairs.reduce((sum, { weight }) => sum + weight, 0);
  const centre = pairs.reduce((sum, { weight, difference }) => sum + weight * difference, 0) / total;
  const { spread = null } = options;
  const squares =
    pairs.reduce((sum, { weight, difference }) => sum + weight * (difference - centre) ** 2, 0) +
    (spread === null ? 0 : spread.df * spread.variance);
  const df = pairs.length - 1 + (spread?.df ?? 0);
  if (df < 1) {
    return { ...unclear('one block: how starts differ is not known', settings), ratio: Math.exp(centre) };
  }
  const scale = Math.sqrt(squares / df / total);
  const half = scale === 0 ? 0 : studentQuantile(0.5 + settings.confidence / 2, df) * scale;
  return decide({
    ratio: Math.exp(centre),
    interval: [Math.exp(centre - half), Math.exp(centre + half)],
    p: scale === 0 ? Number(centre === 0) : studentTwoSided(centre / scale, df),
    mannWhitneyP: null,
    permutationP: null,
    verdict: 'unclear',
    reason: null,
    ...settings,
  });
}

/** Second side less first, with Welch–Satterthwaite degrees of freedom (Biometrika 34, 1947). */
function difference({ share, sides }: Hypothesis): StudentPart {
  const [a, b] = [sides[0]!, sides[1]!];
  const errors = [a, b].map(({ scale, df }) => ({ v: scale ** 2, df }));
  const variance = errors.reduce((sum, { v }) => sum + v, 0);
  const df = variance === 0 ? 1 : variance ** 2 / errors.reduce((sum, e) => sum + e.v ** 2 / e.df, 0);
  return { share, centre: b.centre - a.centre, scale: Math.sqrt(variance), df };
}

const mirrored = (part: StudentPart): StudentPart => ({ ...part, centre: -part.centre });
