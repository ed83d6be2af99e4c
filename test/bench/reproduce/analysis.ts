import { COMPARED_METRICS } from '../../../core/metrics/catalogue.js';
import { isPresent, type Measurement, type ResultRecord } from '../../../core/result/result.js';
import { type Interval, tInterval } from '../../../core/statistics/interval.js';
import { median } from '../../../core/statistics/quantile.js';
import { mean } from '../../../core/statistics/summary.js';
import { type Change, changesOf, matchRows } from '../../../report/compare.js';
import type { Row } from '../../../report/rows.js';
import type { Run } from './runs.js';

/** Units of what is read off a file or off a model's answers, which no run changes. */
const FIXED = new Set<string>(['B', 'ratio', 'nats']);

/** Metrics that two runs differ in by accident: those that `ridge compare` shows, less what is fixed. */
const TIMED = COMPARED_METRICS.filter(({ unit }) => !FIXED.has(unit)).map(({ name }) => name);
/** Of these single repeats are kept, which older ways of comparing need. */
const REPEATED = ['prefillTokensPerSecond', 'decodeTokensPerSecond'];

export interface PairCounts {
  readonly pairs: number;
  /** Pairs of runs with a row that is called better or worse after correction. */
  readonly withFind: number;
  /** Comparisons of single rows and metrics that had a verdict to give, and those called different after correction. */
  readonly comparisons: number;
  readonly different: number;
}

function countPairs(runs: readonly Run[], compare: (a: Run, b: Run) => readonly boolean[]): PairCounts {
  let [pairs, withFind, comparisons, different] = [0, 0, 0, 0];
  runs.forEach((a, i) => {
    for (const b of runs.slice(i + 1)) {
      const found = compare(a, b);
      pairs += 1;
      comparisons += found.length;
      different += found.filter(Boolean).length;
      withFind += Number(found.some(Boolean));
    }
  });
  return { pairs, withFind, comparisons, different };
}

/** What `ridge compare` says of every pair. */
export function comparedAsNow(runs: readonly Run[]): PairCounts {
  return countPairs(runs, (a, b) =>
    ratiosOf(a, b).map(({ verdict }) => verdict === 'better' || verdict === 'worse'),
  );
}

/** Every comparison of two runs that has an interval. */
function ratiosOf(a: Run, b: Run): Change[] {
  const { pairs } = matchRows(a.report, b.report, new Set());
  return changesOf(pairs, TIMED, { oneSitting: false }).filter(({ interval }) => interval !== null);
}

export interface RatioErrors {
  readonly ratios: number;
  /** Root mean square of their logarithms: one build has none. */
  readonly error: number;
  /** 95 % intervals that hold 1. */
  readonly held: number;
}

/** How far ratios of one build lie from 1, and how often their intervals know. */
export function ratioErrors(runs: readonly Run[]): RatioErrors {
  const all = runs.flatMap((a, i) => runs.slice(i + 1).flatMap((b) => ratiosOf(a, b)));
  const ratios = all.filter(({ kind, change }) => kind === 'ratio' && change !== null);
  return {
    ratios: ratios.length,
    error: Math.sqrt(mean(ratios.map(({ change }) => Math.log(change!) ** 2))),
    held: ratios.filter(({ interval }) => interval![0] <= 1 && interval![1] >= 1).length,
  };
}

/** The same as a reader of llama-bench's `mean ± standard deviation` would: two bars that do not touch differ. */
export function comparedByBars(runs: readonly Run[]): PairCounts {
  return countPairs(runs, (a, b) =>
    pairsOf(a, b).flatMap(([left, right]) =>
      REPEATED.flatMap((metric) => {
        const [x, y] = [barOf(left, metric), barOf(right, metric)];
        return x === null || y === null ? [] : [x[1] < y[0] || y[1] < x[0]];
      }),
    ),
  );
}

function pairsOf(a: Run, b: Run): [ResultRecord, ResultRecord][] {
  const { pairs } = matchRows(a.report, b.report, new Set());
  return pairs.flatMap(({ a: left, b: right }) =>
    left.state === 'valid' && right.state === 'valid' ? [[left.starts[0]!, right.starts[0]!]] : [],
  );
}

const repeatsOf = (start: ResultRecord, metric: string): readonly number[] => {
  const entry = start.measurements[metric];
  return isPresent(entry) ? (entry.samples ?? []) : [];
};

function barOf(start: ResultRecord, metric: string): Interval | null {
  const entry = start.measurements[metric];
  if (!isPresent(entry) || entry.stddev === null) return null;
  return [entry.mean - entry.stddev, entry.mean + entry.stddev];
}

export interface Coverage {
  readonly intervals: number;
  readonly held: number;
  /** Median half width, relative to the value. */
  readonly halfWidth: number;
}

/** How often an interval holds the grand median of its row and metric over all runs. */
function coverage(
  runs: readonly Run[],
  metrics: readonly string[],
  of: (row: Row, metric: string) => { readonly value: number; readonly interval: Interval } | null,
): Coverage {
  const found = new Map<string, { value: number; interval: Interval }[]>();
  for (const { report } of runs) {
    for (const row of report.rows.filter(({ state }) => state === 'valid')) {
      for (const metric of metrics) {
        const one = of(row, metric);
        const key = `${row.experimentId} ${metric}`;
        if (one !== null) found.set(key, [...(found.get(key) ?? []), one]);
      }
    }
  }
  let [intervals, held] = [0, 0];
  const widths: number[] = [];
  for (const group of found.values()) {
    const grand = median(group.map(({ value }) => value));
    for (const { value, interval } of group) {
      intervals += 1;
      held += Number(interval[0] <= grand && grand <= interval[1]);
      widths.push((interval[1] - interval[0]) / 2 / value);
    }
  }
  return { intervals, held, halfWidth: widths.length === 0 ? Number.NaN : median(widths) };
}

export const coverageNow = (runs: readonly Run[]) =>
  coverage(runs, TIMED, (row, metric) => {
    const entry = row.trial.measurements[metric] as Measurement | undefined;
    return isPresent(entry) && entry.ci95 !== null && row.starts.length > 1
      ? { value: entry.value, interval: entry.ci95 }
      : null;
  });

export const coverageOfRepeats = (runs: readonly Run[]) =>
  coverage(runs, REPEATED, (row, metric) => {
    const repeats = repeatsOf(row.starts[0]!, metric);
    const interval = tInterval(repeats, 0.95);
    return interval === null ? null : { value: median(repeats), interval };
  });

export const coverageOfBars = (runs: readonly Run[]) =>
  coverage(runs, REPEATED, (row, metric) => {
    const [start] = row.starts;
    const interval = barOf(start!, metric);
    return interval === null ? null : { value: (interval[0] + interval[1]) / 2, interval };
  });
