import { detectable } from '../../../core/statistics/allocation.js';
import { incompleteBeta } from '../../../core/statistics/distributions.js';
import { USUAL_REPETITION } from '../../../core/sweep/spec.js';
import type { Figure } from '../figure.js';

export const METRIC = 'decodeTokensPerSecond';
export const SLOWDOWNS = [0.02, 0.05] as const;
export const SEEDS = 50;

/** Chance with which a slowdown is promised to be found. */
const POWER = 0.95;
/** Share of the seeds that it has to be found in. */
const REQUIRED = 0.9;
/** Share of comparisons of equal things that one at 95 % confidence calls different. */
const BY_CHANCE = 0.05;
/** Where to give up: more starts than any sweep takes. */
const MOST_STARTS = 2000;

export const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

/**
 * @param spread standard deviation of the logarithms of what starts say, less what the comparison takes out.
 * @param sharedBlocks whether rows are compared within blocks, or as rows of two runs.
 * @returns starts of each row, each in a block of its own, with which this slowdown is found in POWER of comparisons; no fewer than a
 *   sweep usually has. null = more than MOST_STARTS.
 */
export function promised(spread: number, slowdown: number, sharedBlocks: boolean): number | null {
  const known = (sd: number) => ({ sd, reason: null });
  const components = { within: known(0), betweenStarts: known(spread), betweenBlocks: known(0) };
  for (let { starts } = USUAL_REPETITION; starts <= MOST_STARTS; starts++) {
    const plan = { starts, blocks: starts, repeats: 1 };
    const { value } = detectable(components, plan, { power: POWER, sharedBlocks });
    if (value !== null && value <= 1 / (1 - slowdown)) return starts;
  }
  return null;
}

/** Verdicts of all seeds, or why none was taken. */
export type Verdicts = readonly string[] | { readonly reason: string };

/**
 * @param what what is slower.
 * @param starts how many were promised, for people.
 */
export function slowdownFigure(slowdown: number, what: string, starts: string, verdicts: Verdicts): Figure {
  return {
    claim: `${what} ${percent(slowdown)} slower is called slower with the starts promised to find it in ${percent(POWER)} of comparisons (starts: ${starts})`,
    required: `in at least ${percent(REQUIRED)} of ${SEEDS} seeds`,
    ...judged(verdicts, SLOWER, (found, of) => found >= REQUIRED * of),
  };
}

/** The same of equal things: what is found there is chance. */
export function equalFigure(what: string, starts: string, verdicts: Verdicts): Figure {
  const most = mostByChance(SEEDS, BY_CHANCE);
  return {
    claim: `${what} are not called different (starts: ${starts})`,
    required: `in at most ${most} of ${SEEDS} seeds: what is wrong in ${percent(BY_CHANCE)} of comparisons stays there in 99 % of benches`,
    ...judged(verdicts, [...SLOWER, ...FASTER], (found) => found <= most),
  };
}

/** The words of `ridge compare`, and of core/statistics. */
const SLOWER = ['worse', 'slower'];
const FASTER = ['better', 'faster'];

function judged(
  verdicts: Verdicts,
  finds: readonly string[],
  holds: (found: number, of: number) => boolean,
): Pick<Figure, 'measured' | 'holds'> {
  if ('reason' in verdicts) return { measured: `not told: ${verdicts.reason}`, holds: false };
  const found = verdicts.filter((verdict) => finds.includes(verdict)).length;
  return { measured: `in ${found} of ${verdicts.length} seeds`, holds: holds(found, verdicts.length) };
}

/** @returns the most finds that stay below in 99 % of benches, each of so many seeds that find something with this chance. */
function mostByChance(seeds: number, chance: number): number {
  let most = 0;
  // P(X ≤ k) = I(1 − chance; seeds − k, k + 1) of the binomial distribution.
  while (incompleteBeta(1 - chance, seeds - most, most + 1) < 0.99) most++;
  return most;
}
