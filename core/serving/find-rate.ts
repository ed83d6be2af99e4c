import { groupBy } from '../maps.js';
import { type Kept, pooled, type SloVerdict, sloVerdict } from './slo.js';

/**
 * Finds the highest load at which a server meets its objectives: load is doubled (or halved) until one is met
 * and one is missed, then the gap between them is halved in ratios; what could not be told is measured again
 * and pooled. Pure: measuring is up to the caller, who asks nextLoad(), measures there, and adds what came of
 * it with measured().
 */
export interface LoadSearch {
  readonly options: LoadSearchOptions;
  /** Every run so far, in order. */
  readonly runs: readonly LoadRun[];
}

export interface LoadSearchOptions {
  /** What is raised: requests per second, or requests at a time (whole numbers). */
  readonly of: 'rate' | 'concurrency';
  readonly start: number;
  readonly least: number;
  readonly most: number;
  /**
   * The highest load that meets the objectives and the lowest that does not may differ by this share: 0.05 =
   * 5 %.
   */
  readonly relativeWidth: number;
  /** Runs at one load until it is given up as undecided, and runs that both edges are confirmed by. */
  readonly repeats: number;
  readonly maxRuns: number;
}

export interface LoadRun {
  /** As it was asked for. */
  readonly load: number;
  /**
   * Of a concurrency: how many were really under way at once (`mostInFlight`); left out = as many as were
   * asked for.
   */
  readonly inFlight?: number;
  /** Who kept each objective: keptBy(). */
  readonly kept: readonly Kept[];
  /**
   * SaturationWatch found that the server does not keep up: that misses every objective, if not yet in the
   * requests so far.
   */
  readonly saturated: boolean;
}

export type NextLoad =
  | { readonly kind: 'measure'; readonly load: number; readonly why: string }
  | {
      readonly kind: 'found' | 'not-found';
      /** The highest load that meets the objectives; null = none does. */
      readonly load: number | null;
      /** The lowest load that does not, or of which it could not be told; null = none. */
      readonly above: number | null;
      /** One sentence. */
      readonly reason: string;
    };

export const LOAD_SEARCH: Pick<LoadSearchOptions, 'relativeWidth' | 'repeats' | 'maxRuns'> = {
  relativeWidth: 0.05,
  repeats: 3,
  maxRuns: 30,
};

/** @throws RangeError where the loads are not 0 < least ≤ start ≤ most, or of a concurrency not whole. */
export function startLoadSearch(options: LoadSearchOptions): LoadSearch {
  const { of, start, least, most } = options;
  if (!(least > 0 && least <= start && start <= most)) {
    throw new RangeError(
      `a search starts between its least and its most load, both above 0: ${least}, ${start}, ${most}`,
    );
  }
  if (of === 'concurrency' && ![start, least, most].every(Number.isInteger)) {
    throw new RangeError(`concurrency is counted in whole requests: ${least}, ${start}, ${most}`);
  }
  return { options, runs: [] };
}

/** @returns the load that a run was of: no more than were in flight. */
export function loadOf({ load, inFlight = load }: LoadRun): number {
  return Math.min(load, inFlight);
}

export function measured(search: LoadSearch, run: LoadRun): LoadSearch {
  return { ...search, runs: [...search.runs, run] };
}

/** What is known of one load. */
interface Tried {
  readonly load: number;
  readonly runs: number;
  /** Of all its runs together. */
  readonly verdict: SloVerdict;
  /** One run meets the objectives for certain, another misses them for certain. */
  readonly torn: boolean;
}

/** @returns what to measure next, or what was found and why the search ends. */
export function nextLoad({ options, runs }: LoadSearch): NextLoad {
  const { of, start, least, most, relativeWidth, repeats, maxRuns } = options;
  const tried = triedOf(runs);
  const unit = of === 'rate' ? ' requests/s' : ' at a time';
  const loadText = (load: number) => `${Number(load.toPrecision(6))}${unit}`;
  const unclear = tried.find(({ verdict, runs: n }) => verdict === 'undecided' && n < repeats);
  // An undecided load counts as too much: what is reported is what surely meets the objectives.
  const met = Math.max(...tried.filter(({ verdict }) => verdict === 'met').map(({ load }) => load), 0);
  const over = Math.min(
    ...tried.filter(({ verdict, load }) => verdict !== 'met' && load > met).map(({ load }) => load),
    Infinity,
  );
  const ends = (kind: 'found' | 'not-found', reason: string): NextLoad => ({
    kind,
    load: met === 0 ? null : met,
    above: over === Infinity ? null : over,
    reason,
  });
  const torn = tried.find((one) => one.torn);
  if (torn !== undefined) {
    return ends(
      'not-found',
      `at ${loadText(torn.load)} one run meets the objectives and another misses them, each for certain: the server does not repeat itself, so no edge can be told`,
    );
  }
  // Too few requests to load it further: more slots would stay empty.
  const short = runs.find((run) => loadOf(run) < run.load);
  const measure = (load: number, why: string): NextLoad => {
    if (short !== undefined && load > loadOf(short) && met > 0) {
      const allowed = `where ${loadText(short.load)} were allowed no more than ${loadOf(short)} were in flight`;
      return ends(
        'found',
        `${loadText(met)} meet the objectives; ${allowed}: ask for more requests to go on`,
      );
    }
    if (runs.length < maxRuns) return { kind: 'measure', load, why };
    return ends('not-found', `${maxRuns} runs are used up; it would go on at ${loadText(load)}`);
  };
  if (tried.length === 0) return measure(start, 'the first');
  if (unclear !== undefined) return measure(unclear.load, 'once more: there were too few requests to tell');
  if (over === Infinity) {
    if (met === most)
      return ends('found', `${loadText(most)} meet the objectives, and no more was to be tried`);
    return measure(Math.min(most, 2 * met), `above ${loadText(met)}, which meet the objectives`);
  }
  if (met === 0) {
    if (over === least) {
      const untold = tried.some(({ load, verdict }) => load === least && verdict === 'undecided');
      return ends(
        'not-found',
        untold
          ? `of ${loadText(least)}, the least to be tried, it could not be told in ${repeats} runs: ask for more requests`
          : `not even ${loadText(least)} meet the objectives`,
      );
    }
    const half = of === 'rate' ? over / 2 : Math.floor(over / 2);
    return measure(Math.max(least, half), `below ${loadText(over)}, which do not meet the objectives`);
  }
  const neighbours = of === 'concurrency' && over - met === 1;
  if (!neighbours && over / met > 1 + relativeWidth) {
    const middle = Math.sqrt(met * over);
    const load = of === 'rate' ? middle : Math.min(over - 1, Math.max(met + 1, Math.round(middle)));
    return measure(load, `between ${loadText(met)} and ${loadText(over)}`);
  }
  // Both edges must say the same again, for a run at the edge is as often lucky as not.
  const edge = tried.find(({ load, runs: n }) => (load === met || load === over) && n < Math.min(2, repeats));
  if (edge !== undefined) return measure(edge.load, 'the edge, once more');
  const undecided = tried.some(({ load, verdict }) => load === over && verdict === 'undecided');
  return ends(
    'found',
    undecided
      ? `${loadText(met)} meet the objectives; of ${loadText(over)} it could not be told in ${repeats} runs`
      : `${loadText(met)} meet the objectives, ${loadText(over)} do not`,
  );
}

function triedOf(runs: readonly LoadRun[]): Tried[] {
  return [...groupBy(runs, loadOf)].map(([load, of]) => {
    // Of `max` one slow request is no certainty, and near its limit a server keeps up in one run and not in
    // the next.
    const single = of
      .filter(({ saturated }) => !saturated)
      .map(({ kept }) => sloVerdict(kept.filter(({ objective }) => objective.share < 1)));
    return {
      load,
      runs: of.length,
      verdict: of.some(({ saturated }) => saturated)
        ? 'missed'
        : sloVerdict(pooled(of.map(({ kept }) => kept))),
      torn: single.includes('met') && single.includes('missed'),
    };
  });
}
