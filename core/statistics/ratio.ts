import { type Hypothesis, type PooledSpread, posterior } from './centre.js';
import { type CompareOptions, type Comparison, decide, settingsOf, unclear } from './compare.js';
import { correctedBy, type DriftControl } from './control.js';
import { mixtureCdf, mixtureQuantile, type StudentPart } from './mixture.js';
import { type Blocks, type StartValue, startLogs, unusable } from './nested.js';
import { mannWhitney, permutation } from './significance.js';
import { mean } from './summary.js';

export interface RatioOptions extends CompareOptions {
  /** Default the median; a quantile for a percentile metric. */
  readonly startValue?: StartValue;
  /** How starts differ in rows like these, on either side (`pooledSpread`). */
  readonly spread?: PooledSpread | null;
  /** What the drift control read in the blocks of both sides; without it nothing is corrected. */
  readonly control?: DriftControl | null;
}

/**
 * Compares two rows that were each measured by several starts: candidate / base of their centres, with the interval that covers
 * what two further runs would give. Welch's test on what starts say, one number a start, as `compare` does it for any numbers;
 * blocks, other rows and the control come in as `centreOf` and `correctedBy` have it. For many at once see `adjustForMany`.
 *
 * @returns ratio and no interval when a side has one start; neither when a side has no usable readings.
 */
export function compareStarts(base: Blocks, candidate: Blocks, options: RatioOptions = {}): Comparison {
  const settings = settingsOf(options);
  const refusal = unusable(base) ?? unusable(candidate);
  if (refusal !== null) return unclear(refusal, settings);
  const logs = [startLogs(base, options.startValue), startLogs(candidate, options.startValue)] as const;
  const [a, b] = options.control ? correctedBy(options.control, logs) : logs;
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

/** Second side less first, with Welch–Satterthwaite degrees of freedom (Biometrika 34, 1947). */
function difference({ share, sides }: Hypothesis): StudentPart {
  const [a, b] = [sides[0]!, sides[1]!];
  const [va, vb] = [a.scale ** 2, b.scale ** 2];
  const scale = Math.sqrt(va + vb);
  const df = scale === 0 ? 1 : (va + vb) ** 2 / (va ** 2 / a.df + vb ** 2 / b.df);
  return { share, centre: b.centre - a.centre, scale, df };
}

const mirrored = (part: StudentPart): StudentPart => ({ ...part, centre: -part.centre });
