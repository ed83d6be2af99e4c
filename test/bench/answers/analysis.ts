import { runsApart } from '../../../report/apart.js';
import { type Change, comparisonOf, matchRows } from '../../../report/compare.js';
import { intervalOf, metricOf } from '../../../report/rows.js';
import { median } from '../../../statistics/quantile.js';
import type { Run } from './runs.js';

/** What a quickstart is asked for. */
export const METRICS = ['decodeTokensPerSecond', 'prefillTokensPerSecond'] as const;

/** Rows and metrics without a number or without an interval. */
export function unanswered(runs: readonly Run[]): { readonly cells: number; readonly lacking: number } {
  const cells = runs.flatMap(({ report }) =>
    report.rows.flatMap((row) =>
      METRICS.map((metric) => metricOf(row, metric) === null || intervalOf(row, metric) === null),
    ),
  );
  return { cells: cells.length, lacking: cells.filter(Boolean).length };
}

export interface Coverage {
  readonly intervals: number;
  readonly held: number;
  /** Median, as a share of the number. */
  readonly halfWidth: number;
}

/** How often the interval of a row holds the grand median of that row over `all` runs. */
export function coverageOf(runs: readonly Run[], all: readonly Run[]): Coverage {
  const values = new Map<string, number[]>();
  const key = (id: string, metric: string) => `${id} ${metric}`;
  for (const { report } of all)
    for (const row of report.rows)
      for (const metric of METRICS) {
        const value = metricOf(row, metric);
        const one = key(row.experimentId, metric);
        if (value !== null) values.set(one, [...(values.get(one) ?? []), value]);
      }
  let [intervals, held] = [0, 0];
  const widths: number[] = [];
  for (const { report } of runs)
    for (const row of report.rows)
      for (const metric of METRICS) {
        const [value, interval] = [metricOf(row, metric), intervalOf(row, metric)];
        if (value === null || interval === null) continue;
        const grand = median(values.get(key(row.experimentId, metric))!);
        intervals += 1;
        held += Number(interval[0] <= grand && grand <= interval[1]);
        widths.push((interval[1] - interval[0]) / 2 / value);
      }
  return { intervals, held, halfWidth: widths.length === 0 ? Number.NaN : median(widths) };
}

/** All ratios of two runs, whatever they are. */
export function ratiosOf(a: Run, b: Run): readonly Change[] {
  const { pairs } = matchRows(a.report, b.report, new Set());
  return comparisonOf(pairs, METRICS, { oneSitting: runsApart(a.report, b.report) === null }).changes;
}

export interface PairCounts {
  readonly pairs: number;
  /** Pairs with a row that is called better or worse after Holm, metric by metric: each is a family of its own. */
  readonly families: number;
  readonly found: number;
  readonly ratios: number;
  /** Ratios whose own 95 % interval excludes 1. */
  readonly single: number;
  /** Ratios without a number or an interval. */
  readonly unanswered: number;
  /** Median half width of a ratio's interval. */
  readonly halfWidth: number;
}

const isFind = ({ verdict }: Change) => verdict === 'better' || verdict === 'worse';

/** What comparisons of runs of one build say. @param pairs of runs. */
export function countPairs(pairs: readonly (readonly [Run, Run])[]): PairCounts {
  const compared = pairs.map(([a, b]) => ratiosOf(a, b));
  const all = compared.flat();
  const answered = all.filter(({ change, interval }) => change !== null && interval !== null);
  const families = compared.flatMap((changes) =>
    METRICS.map((metric) => changes.some((change) => change.metric === metric && isFind(change))),
  );
  return {
    pairs: pairs.length,
    families: families.length,
    found: families.filter(Boolean).length,
    ratios: all.length,
    single: answered.filter(({ interval }) => interval![0] > 1 || interval![1] < 1).length,
    unanswered: all.length - answered.length,
    halfWidth: median(answered.map(({ interval }) => Math.sqrt(interval![1] / interval![0]) - 1)),
  };
}

/** All pairs of runs, the earlier first. */
export function pairsOf(runs: readonly Run[]): (readonly [Run, Run])[] {
  return runs.flatMap((a, i) => runs.slice(i + 1).map((b) => [a, b] as const));
}

/** Of a really slower side B: ratios where that difference was promised to be visible, and how many were found. */
export function slowdownsFound(
  pairs: readonly (readonly [Run, Run])[],
  share: number,
): { readonly promised: number; readonly found: number; readonly of: number } {
  const all = pairs.flatMap(([a, b]) => ratiosOf(a, b));
  const promised = all.filter(({ visible }) => visible !== null && visible <= 1 + share);
  return {
    promised: promised.length,
    found: promised.filter(({ verdict }) => verdict === 'worse').length,
    of: all.length,
  };
}
