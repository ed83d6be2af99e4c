import type { Interval } from './interval.js';
import { holm } from './significance.js';

export type Verdict = 'faster' | 'slower' | 'same' | 'unclear';

export interface CompareOptions {
  /** Which way is better: `max` for tokens/s, `min` for seconds, joules or bytes. */
  readonly better?: 'max' | 'min';
  readonly confidence?: number;
  /** Relative difference that nobody would act on; inside it two things are the same. */
  readonly indifference?: number;
  readonly seed?: number;
}

export interface Comparison {
  /** Candidate / base, of geometric means (equal to the ratio of means when the spread is small). */
  readonly ratio: number | null;
  readonly interval: Interval | null;
  /** Of the test on logarithms that is dual to the interval; after adjustForMany, Holm's. */
  readonly p: number | null;
  /** Without assumptions on the distribution, to look at beside p; null where the test is paired. */
  readonly mannWhitneyP: number | null;
  readonly permutationP: number | null;
  readonly verdict: Verdict;
  /** Why the verdict could not be reached; null when it was. */
  readonly reason: string | null;
  readonly better: 'max' | 'min';
  readonly confidence: number;
  readonly indifference: number;
}

/** What a comparison was asked for. */
export type CompareSettings = Pick<Comparison, 'better' | 'confidence' | 'indifference'>;

export function settingsOf(options: CompareOptions): CompareSettings {
  return {
    better: options.better ?? 'max',
    confidence: options.confidence ?? 0.95,
    indifference: options.indifference ?? 0.01,
  };
}

/** A comparison that has no interval, and why. */
export function unclear(reason: string, settings: CompareSettings): Comparison {
  const nothing = { ratio: null, interval: null, p: null, mannWhitneyP: null, permutationP: null };
  return { ...nothing, verdict: 'unclear', reason, ...settings };
}

/**
 * Reads the verdict off ratio, interval and p: `faster` or `slower` (that is: better or worse, by `better`) when p says that there is a
 * difference and the ratio lies outside the indifference zone; `same` when the whole interval lies inside the zone, which is
 * evidence and not want of it (two one-sided tests, Schuirmann 1987); otherwise `unclear`.
 */
export function decide(c: Comparison): Comparison {
  if (c.ratio === null || c.interval === null || c.p === null) return c;
  const zone: Interval = [1 / (1 + c.indifference), 1 + c.indifference];
  if (c.interval[0] >= zone[0] && c.interval[1] <= zone[1]) return { ...c, verdict: 'same', reason: null };
  const alpha = 1 - c.confidence;
  if (c.p < alpha && (c.ratio < zone[0] || c.ratio > zone[1])) {
    return { ...c, verdict: c.ratio > 1 === (c.better === 'max') ? 'faster' : 'slower', reason: null };
  }
  const reason =
    c.p < alpha
      ? 'the difference is real but may be too small to matter'
      : 'the interval holds both no difference and one that would matter: more starts are needed';
  return { ...c, verdict: 'unclear', reason };
}

/**
 * Many comparisons read together: replaces each p by Holm's adjusted one and takes the verdicts again, so
 * that fifty comparisons do not find two winners by luck. Intervals stay as they are, one by one.
 */
export function adjustForMany(comparisons: readonly Comparison[]): Comparison[] {
  const known = comparisons.flatMap((c, i) => (c.p === null ? [] : [i]));
  const adjusted = holm(known.map((i) => comparisons[i]!.p!));
  const result = [...comparisons];
  known.forEach((index, k) => {
    result[index] = decide({ ...comparisons[index]!, p: adjusted[k]! });
  });
  return result;
}
