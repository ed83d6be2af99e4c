import { stddev } from '../statistics/summary.js';
import { type Estimate, Moments } from './perplexity.js';

/** One item's score, 0 to 1. */
export interface ItemScore {
  /** Paraphrase, language, discipline, length, …; null = in no group. */
  readonly group: string | null;
  readonly value: number;
}

export interface GroupScore extends Estimate {
  readonly group: string;
  readonly items: number;
}

/** A mean score. For right-or-wrong items the standard error is the binomial one, √(p(1 − p)/(n − 1)). */
export interface Score extends Estimate {
  readonly items: number;
  readonly groups: readonly GroupScore[];
  /** How far groups are apart: null for fewer than two. */
  readonly spread: {
    readonly best: string;
    readonly worst: string;
    /** Best minus worst. */
    readonly range: number;
    /** Sample standard deviation of the groups' means. Small groups differ by chance alone: see their errors. */
    readonly stddev: number;
  } | null;
}

/** @returns the mean over all items, and by group in the order in which groups first appear. */
export function scoreOf(items: readonly ItemScore[]): Score {
  const all = new Moments();
  const byGroup = new Map<string, Moments>();
  for (const { group, value } of items) {
    all.add(value);
    if (group === null) continue;
    const sums = byGroup.get(group) ?? new Moments();
    sums.add(value);
    byGroup.set(group, sums);
  }
  const groups = [...byGroup].map(([group, sums]) => ({ group, items: sums.count, ...sums.estimate }));
  return { items: all.count, ...all.estimate, groups, spread: spreadOf(groups) };
}

function spreadOf(groups: readonly GroupScore[]): Score['spread'] {
  if (groups.length < 2) return null;
  const ordered = [...groups].sort((a, b) => b.value - a.value);
  const best = ordered[0]!;
  const worst = ordered.at(-1)!;
  return {
    best: best.group,
    worst: worst.group,
    range: best.value - worst.value,
    stddev: stddev(groups.map(({ value }) => value)) ?? 0,
  };
}

/**
 * What is left of the base's score, in percent, from the same items scored by both models. The standard error
 * of the ratio of two paired means, to first order (Cochran, "Sampling Techniques", 1977, §2.11):
 * √(σ_c² + r²σ_b² − 2rσ_cb)/b.
 * @returns null when the base scores 0: then nothing can be retained.
 */
export function retention(base: readonly ItemScore[], candidate: readonly ItemScore[]): Estimate | null {
  const [b, c, residual] = [new Moments(), new Moments(), new Moments()];
  for (const { value } of base) b.add(value);
  for (const { value } of candidate) c.add(value);
  if (!(b.mean > 0)) return null;
  const ratio = c.mean / b.mean;
  base.forEach(({ value }, i) => {
    residual.add((candidate[i]?.value ?? 0) - ratio * value);
  });
  const error = residual.standardError;
  return { value: 100 * ratio, standardError: error === null ? null : (100 * error) / b.mean };
}
