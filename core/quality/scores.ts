import { stddev } from '../../statistics/summary.js';
import { getOrMake } from '../maps.js';
import { type Estimate, Moments } from './perplexity.js';

/** One item's score, 0 to 1. */
export interface ItemScore {
  /** By each field that groups items (language, discipline, paraphrase, length): the group this one is in. */
  readonly groups: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface GroupScore extends Estimate {
  readonly group: string;
  readonly items: number;
  /** What is left of the base's score on the same items; null without a base, or when it scores 0. */
  readonly retentionPercent: Estimate | null;
}

/** Scores by the values of one field. */
export interface Grouping {
  readonly by: string;
  readonly groups: readonly GroupScore[];
  /** How far groups are apart: null for fewer than two. */
  readonly spread: {
    readonly best: string;
    readonly worst: string;
    /**
     * Best minus worst, and its error as if the two had been named beforehand; the choice of extremes adds to
     * the range.
     */
    readonly range: Estimate;
    /**
     * Sample standard deviation of the groups' means. Small groups differ by chance alone: see their errors.
     */
    readonly stddev: number;
  } | null;
}

/** A mean score. For right-or-wrong items the standard error is the binomial one, √(p(1 − p)/(n − 1)). */
export interface Score extends Estimate {
  readonly items: number;
  readonly groupings: readonly Grouping[];
}

/**
 * @param base the same items scored by the base model, in the same order; null without one.
 * @returns the mean over all items, and by group, fields and groups in the order in which they first appear.
 */
export function scoreOf(items: readonly ItemScore[], base: readonly ItemScore[] | null = null): Score {
  const all = momentsOf(items);
  const fields = new Set(items.flatMap(({ groups }) => Object.keys(groups)));
  const groupings = [...fields].map((by) => grouping(by, items, base));
  return { items: all.count, ...all.estimate, groupings };
}

function grouping(by: string, items: readonly ItemScore[], base: readonly ItemScore[] | null): Grouping {
  const members = new Map<string, number[]>();
  for (const [i, { groups: named }] of items.entries())
    if (named[by] !== undefined) getOrMake(members, named[by], () => []).push(i);
  const groups = [...members].map(([group, indices]): GroupScore => {
    const membersOf = (all: readonly ItemScore[]) => indices.map((i) => all[i]!);
    const own = membersOf(items);
    const retentionPercent = base === null ? null : retention(membersOf(base), own);
    return { group, items: own.length, ...momentsOf(own).estimate, retentionPercent };
  });
  return { by, groups, spread: spreadOf(groups) };
}

function momentsOf(items: readonly ItemScore[]): Moments {
  const sums = new Moments();
  for (const { value } of items) sums.add(value);
  return sums;
}

function spreadOf(groups: readonly GroupScore[]): Grouping['spread'] {
  if (groups.length < 2) return null;
  const ordered = [...groups].sort((a, b) => b.value - a.value);
  const best = ordered[0]!;
  const worst = ordered.at(-1)!;
  const errors = [best.standardError ?? 0, worst.standardError ?? 0];
  const known = best.standardError !== null && worst.standardError !== null;
  return {
    best: best.group,
    worst: worst.group,
    range: { value: best.value - worst.value, standardError: known ? Math.hypot(...errors) : null },
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
  const [b, c, residual] = [momentsOf(base), momentsOf(candidate), new Moments()];
  if (!(b.mean > 0)) return null;
  const ratio = c.mean / b.mean;
  base.forEach(({ value }, i) => {
    residual.add((candidate[i]?.value ?? 0) - ratio * value);
  });
  const error = residual.standardError;
  return { value: 100 * ratio, standardError: error === null ? null : (100 * error) / b.mean };
}
