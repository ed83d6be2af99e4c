import { metricValue } from '../../../core/result/result.js';
import { runsApart } from '../../../report/apart.js';
import { type Change, comparisonOf, matchRows } from '../../../report/compare.js';
import { calmName, quotedOf } from '../../../report/quoted.js';
import { median } from '../../../statistics/quantile.js';
import { mean } from '../../../statistics/summary.js';
import type { Run } from './runs.js';

/** What a quickstart is asked for. */
export const METRICS = ['decodeTokensPerSecond', 'prefillTokensPerSecond'] as const;

/** Rows and metrics without a number or without an interval. */
export function unanswered(runs: readonly Run[]): { readonly cells: number; readonly lacking: number } {
  const cells = runs.flatMap(({ report }) =>
    report.rows.flatMap((row) =>
      METRICS.map((metric) => {
        const quoted = quotedOf(row, metric);
        return quoted === null || (quoted.interval ?? quoted.range) === null;
      }),
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

/** How often the interval of a calm row holds the grand median of that row over `all` runs. */
export function coverageOf(runs: readonly Run[], all: readonly Run[]): Coverage {
  const values = new Map<string, number[]>();
  const key = (id: string, metric: string) => `${id} ${metric}`;
  for (const { report } of all)
    for (const row of report.rows)
      for (const metric of METRICS) {
        const value = quotedOf(row, calmName(metric))?.value ?? null;
        const one = key(row.experimentId, metric);
        if (value !== null) values.set(one, [...(values.get(one) ?? []), value]);
      }
  let [intervals, held] = [0, 0];
  const widths: number[] = [];
  for (const { report } of runs)
    for (const row of report.rows)
      for (const metric of METRICS) {
        const [value, interval] = [
          quotedOf(row, calmName(metric))?.value ?? null,
          quotedOf(row, calmName(metric))?.interval ?? null,
        ];
        if (value === null || interval === null) continue;
        const grand = median(values.get(key(row.experimentId, metric))!);
        intervals += 1;
        held += Number(interval[0] <= grand && grand <= interval[1]);
        widths.push((interval[1] - interval[0]) / 2 / value);
      }
  return { intervals, held, halfWidth: widths.length === 0 ? Number.NaN : median(widths) };
}

/** How far headlines are from what was measured, and how rows of a run stand to each other. */
export interface Headlines {
  readonly rows: number;
  /** Headlines below the lowest start / 1.25 or above the highest × 1.25. */
  readonly beyond: number;
  /** Shown as measured: moments unlike the others'. */
  readonly unlike: number;
  /** Intervals of prediction, and those that hold the number of another run of the level. */
  readonly predictions: number;
  readonly held: number;
  /** Median half width, as a share of the number. */
  readonly halfWidth: number;
}

export function headlinesOf(runs: readonly Run[]): Headlines {
  const found = { rows: 0, beyond: 0, unlike: 0, predictions: 0, held: 0 };
  const widths: number[] = [];
  for (const run of runs)
    for (const [i, row] of run.report.rows.entries())
      for (const metric of METRICS) {
        const quoted = quotedOf(row, metric);
        if (quoted === null) continue;
        const starts = row.starts.flatMap((start) => metricValue(start, metric) ?? []);
        found.rows += 1;
        found.unlike += Number(quoted.range !== null);
        found.beyond += Number(
          quoted.value < Math.min(...starts) / 1.25 || quoted.value > Math.max(...starts) * 1.25,
        );
        const { interval } = quoted;
        if (interval === null) continue;
        widths.push((interval[1] - interval[0]) / 2 / quoted.value);
        for (const other of runs) {
          const value = other === run ? null : quotedOf(other.report.rows[i]!, metric);
          if (value === null || value.range !== null) continue;
          found.predictions += 1;
          found.held += Number(interval[0] <= value.value && value.value <= interval[1]);
        }
      }
  return { ...found, halfWidth: widths.length === 0 ? Number.NaN : median(widths) };
}

/**
 * Mean of Kendall's τ of the order of a run's rows against that of their geometric means over all runs.
 * @param name of the column that orders them
 */
export function orderOf(runs: readonly Run[], name: (metric: string) => string): number {
  const taus = METRICS.flatMap((metric) => {
    const logs = runs.map(({ report }) =>
      report.rows.map((row) => Math.log(quotedOf(row, name(metric))!.value)),
    );
    const grand = logs[0]!.map((_, i) => mean(logs.map((row) => row[i]!)));
    return logs.map((own) => kendall(own, grand));
  });
  return mean(taus);
}

function kendall(a: readonly number[], b: readonly number[]): number {
  const pairs = a.flatMap((_, i) =>
    a.slice(0, i).map((__, j) => Math.sign((a[i]! - a[j]!) * (b[i]! - b[j]!))),
  );
  return mean(pairs);
}

/** All ratios of two runs, whatever they are. */
export function ratiosOf(a: Run, b: Run): readonly Change[] {
  const { pairs } = matchRows(a.report, b.report, new Set());
  return comparisonOf(pairs, METRICS, { oneSitting: runsApart(a.report, b.report) === null }).changes;
}

export interface PairCounts {
  readonly pairs: number;
  /**
   * Pairs with a row that is called better or worse after Holm, metric by metric: each is a family of its
   * own.
   */
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

/**
 * Of a really slower side B: ratios where that difference was promised to be visible, and how many were
 * found.
 */
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
