import { groupBy } from '../maps.js';
import { type Kept, pooled, type SloVerdict, sloVerdict } from './slo.js';

/**
 * Finds the highest load at which a server meets its objectives. The load is doubled (or halved) until one
 * load meets them and one misses them; then the interval between the two is bisected in ratios. Undecided
 * loads are measured again, and their runs pooled. Pure: the caller asks nextLoad(), measures at that load,
 * and adds the result with measured().
 */
export interface LoadSearch {
  readonly options: LoadSearchOptions;
  /** Every run so far, in order. */
  readonly runs: readonly LoadRun[];
}

export interface LoadSearchOptions {
  /** The quantity that is raised: requests per second, or requests in flight (whole numbers). */
  readonly of: 'rate' | 'concurrency';
  readonly start: number;
  readonly least: number;
  readonly most: number;
  /**
   * The highest load that meets the objectives and the lowest that does not may differ by this share: 0.05 =
   * 5 %.
   */
  readonly relativeWidth: number;
  /**
   * The number of runs after which a load is given up as undecided, and by which both final loads are
   * confirmed.
   */
  readonly repeats: number;
  readonly maxRuns: number;
}

export interface LoadRun {
  /** As it was asked for. */
  readonly load: number;
  /**
   * For a concurrency: how many requests really were in flight at once (`mostInFlight`); left out = as many
   * as intended.
   */
  readonly inFlight?: number;
  /** Who kept each objective: keptBy(). */
  readonly kept: readonly Kept[];
  /**
   * SaturationWatch found that the server does not keep up. That misses every objective, even if the requests
   * so far met them.
   */
  readonly saturated: boolean;
}

export type NextLoad =
  | { readonly kind: 'measure'; readonly load: number; readonly why: string }
  | {
      readonly kind: 'found' | 'not-found';
      /** The highest load that meets the objectives; null = none does. */
      readonly load: number | null;
      /** The lowest load that does not meet them, or that is undecided; null = none. */
      readonly above: number | null;
      /** One sentence. */
      readonly reason: string;
    };

export const LOAD_SEARCH: Pick<LoadSearchOptions, 'relativeWidth' | 'repeats' | 'maxRuns'> = {
  relativeWidth: 0.05,
  repeats: 3,
  maxRuns: 30,
};

/**
 * @throws RangeError where the loads are not 0 < least ≤ start ≤ most, or if a concurrency is not a whole
 *   number.
 */
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

/** @returns the load of a run, which is at most the number in flight. */
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
  /** One run surely meets the objectives, and another surely misses them. */
  readonly torn: boolean;
}

/** @returns what to measure next, or what was found and why the search ends. */
export function nextLoad({ options, runs }: LoadSearch): NextLoad {
  const { of, start, least, most, relativeWidth, repeats, maxRuns } = options;
  const tried = triedOf(runs);
  const unit = of === 'rate' ? ' requests/s' : ' at a time';
  const loadText = (load: number) => `${Number(load.toPrecision(6))}${unit}`;
  const unclear = tried.find(({ verdict, runs: n }) => verdict === 'undecided' && n < repeats);
  // An undecided load counts as too high, so that the reported load surely meets the objectives.
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
  // There are too few requests for a higher load, because further slots would stay empty.
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
  // Both final loads are measured again, because close to the limit a run may meet the objectives only by
  // luck.
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
    // For `max`, a single slow request decides, which is no certainty; and near its limit a server keeps up
    // in one run but not in the next.
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
