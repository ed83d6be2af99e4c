import { bootstrapInterval, type Interval, tInterval } from '../../../statistics/interval.js';
import { wilsonInterval } from '../../../statistics/proportion.js';
import { mean } from '../../../statistics/summary.js';

/** One answer, as metrics see it; null = not known. */
export interface Answered {
  readonly score: number | null;
  readonly seconds: number | null;
  readonly secondsToFirst: number | null;
  readonly tokensIn: number | null;
  readonly tokensOut: number | null;
  readonly joules: number | null;
  /** Of the prompt and what was generated. */
  readonly kvBytes: number | null;
}

export interface ScoreEstimate {
  /** Mean of the scores. */
  readonly value: number;
  readonly ci95: Interval | null;
  /** How the interval was made: `t` beyond the items that a bootstrap is drawn of. */
  readonly how: 'wilson' | 'bootstrap' | 't' | 'none';
}

export interface AnswersMetrics {
  readonly items: number;
  /** Of the items that have one. */
  readonly score: ScoreEstimate | null;
  /** Means of an item, of those that are known. */
  readonly seconds: number | null;
  readonly secondsToFirst: number | null;
  readonly tokensIn: number | null;
  readonly tokensOut: number | null;
  readonly joules: number | null;
  readonly kvBytes: number | null;
}

/** A bootstrap of more is a normal distribution, and takes seconds. */
const MOST_DRAWN = 5000;

/**
 * @returns the mean score with its 95 % interval: of right and wrong Wilson's, which holds near 0 and 1, of
 *   shares a percentile bootstrap.
 */
export function scoreEstimate(scores: readonly number[]): ScoreEstimate | null {
  if (scores.length === 0) return null;
  const value = mean(scores);
  if (scores.every((score) => score === 0 || score === 1)) {
    const right = scores.filter((score) => score === 1).length;
    return { value, ci95: wilsonInterval(right, scores.length), how: 'wilson' };
  }
  if (scores.length < 2) return { value, ci95: null, how: 'none' };
  if (scores.length > MOST_DRAWN) return { value, ci95: tInterval(scores), how: 't' };
  return { value, ci95: bootstrapInterval(scores), how: 'bootstrap' };
}

/** Adds up answers: of each its numbers are kept, never its text. */
export class Tally {
  #items = 0;
  readonly #scores: number[] = [];
  readonly #sums = sums();

  add(answer: Answered): void {
    this.#items += 1;
    if (answer.score !== null) this.#scores.push(answer.score);
    for (const name of QUANTITIES) this.#sums[name].add(answer[name]);
  }

  metrics(): AnswersMetrics {
    const means = QUANTITIES.map((name) => [name, this.#sums[name].mean()] as const);
    return {
      items: this.#items,
      score: scoreEstimate(this.#scores),
      ...(Object.fromEntries(means) as Record<(typeof QUANTITIES)[number], number | null>),
    };
  }
}

const QUANTITIES = ['seconds', 'secondsToFirst', 'tokensIn', 'tokensOut', 'joules', 'kvBytes'] as const;

function sums() {
  const entries = QUANTITIES.map((name) => [name, sum()] as const);
  return Object.fromEntries(entries) as Record<(typeof QUANTITIES)[number], ReturnType<typeof sum>>;
}

function sum() {
  let [total, count] = [0, 0];
  return {
    add(value: number | null) {
      if (value === null) return;
      total += value;
      count += 1;
    },
    mean: () => (count === 0 ? null : total / count),
  };
}

/**
 * @returns the mean of groups, each counted once however many items it has (macro); null where no group has a
 *   score.
 */
export function macroScore(groups: readonly AnswersMetrics[]): number | null {
  const scores = groups.flatMap(({ score }) => score?.value ?? []);
  return scores.length === 0 ? null : mean(scores);
}
