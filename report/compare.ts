import { blockOf } from '../core/judgement/block.js';
import { blocksOf, compareAcrossRuns, compareExperiments } from '../core/judgement/trials.js';
import { metricNamed } from '../core/metrics/catalogue.js';
import { isPresent } from '../core/result/result.js';
import type { PooledSpread } from '../core/statistics/centre.js';
import { adjustForMany, type Comparison } from '../core/statistics/compare.js';
import type { Interval } from '../core/statistics/interval.js';
import { pooledSpread } from '../core/statistics/pooled.js';
import type { Shift } from '../core/statistics/shift.js';
import { axisValues } from '../core/sweep/labels.js';
import { type Apart, controlMoved, shiftsBetween } from './apart.js';
import { QUALITY } from './column-sets.js';
import type { Report } from './report.js';
import { rowLabels } from './row-labels.js';
import { metricOf, type Row, reasonOf } from './rows.js';

/** One experiment on both sides. */
export interface Pair {
  readonly label: string;
  readonly a: Row;
  readonly b: Row;
}

export interface Matched {
  readonly pairs: readonly Pair[];
  /** Rows of one side that the other has no match for. */
  readonly onlyA: readonly Row[];
  readonly onlyB: readonly Row[];
}

/** How one metric of one experiment changed from A to B. */
export interface Change {
  readonly label: string;
  readonly metric: string;
  readonly a: number | null;
  readonly b: number | null;
  /** B over A for speed, time, bytes and energy; B less A, in the metric's unit, for quality. */
  readonly kind: 'ratio' | 'difference';
  readonly change: number | null;
  /** At 95 %; null where a side has a single start. */
  readonly interval: Interval | null;
  /** What B over A was divided by: everything that both runs measured ran so in B. 1 = nothing. */
  readonly correction: number;
  readonly verdict: 'better' | 'worse' | 'same' | 'unclear' | 'missing';
  /** Why there is no number or no verdict. */
  readonly reason: string | null;
}

/** Read off the file and the context: a difference is one, without any spread. */
const EXACT = new Set([
  'modelBytes',
  'kvCacheBytes',
  'bitsPerWeight',
  'compressionRatio',
  'weightSparsityRatio',
]);
/** Figures that two different models do not share to the last digit. */
const CONTINUOUS = new Set(['perplexity', 'perplexityRatio', 'klDivergenceNats', 'klDivergenceP99Nats']);

/** Half widths of independent intervals add in quadrature. */
const together = (a: Interval, b: Interval) => Math.hypot((a[1] - a[0]) / 2, (b[1] - b[0]) / 2);

/**
 * Matches rows that are the same point of their sweeps. Digests and engines may differ: they are what is
 * compared. Two single rows match whatever they are.
 * @param apart axes that the two sides differ in by intent, left out of the match.
 */
export function matchRows(a: Report, b: Report, apart: ReadonlySet<string>): Matched {
  const inA = new Set(a.axes.map(({ name }) => name));
  const varying = [...a.axes, ...b.axes.filter(({ name }) => !inA.has(name))];
  const labelOf = rowLabels(varying.filter(({ name }) => !apart.has(name)));
  const single = a.rows.length === 1 && b.rows.length === 1;
  const others = new Map(b.rows.map((row) => [single ? '' : pointOf(row, apart), row]));
  const pairs = a.rows.flatMap((row): Pair[] => {
    const key = single ? '' : pointOf(row, apart);
    const match = others.get(key);
    others.delete(key);
    return match === undefined ? [] : [{ label: labelOf(row.axes), a: row, b: match }];
  });
  const found = new Set(pairs.flatMap((pair) => [pair.a, pair.b]));
  return {
    pairs,
    onlyA: a.rows.filter((row) => !found.has(row)),
    onlyB: b.rows.filter((row) => !found.has(row)),
  };
}

function pointOf({ experiment }: Row, apart: ReadonlySet<string>): string {
  const axes = Object.entries(axisValues(experiment)).filter(([name]) => name !== 'node' && !apart.has(name));
  return JSON.stringify(axes.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/**
 * Compares metrics of matched experiments. Speed: the interval of the ratio over starts, p values
 * adjusted for the number of comparisons (core/statistics/ratio.ts). Quality: the difference, its interval
 * from both standard errors as if they were independent; on the same text they are not, so it is too wide
 * rather than too narrow.
 * @param apart the two runs that pairs are of, as `runsApart` has it; null = all of one run.
 */
export function changesOf(
  pairs: readonly Pair[],
  metrics: readonly string[],
  apart: Apart | null = null,
): Change[] {
  const changes = pairs.flatMap((pair) => metrics.map((metric) => ({ pair, metric })));
  const byRate = ratesOf(
    changes.filter(({ pair, metric }) => !QUALITY.has(metric) && missingOf(pair, metric) === null),
    apart,
  );
  return changes.map((one): Change => {
    const { pair, metric } = one;
    const base = {
      ...{ label: pair.label, metric, a: metricOf(pair.a, metric), b: metricOf(pair.b, metric) },
      ...{ kind: QUALITY.has(metric) ? ('difference' as const) : ('ratio' as const), correction: 1 },
    };
    const why = missingOf(pair, metric);
    if (why !== null) return { ...base, change: null, interval: null, verdict: 'missing', reason: why };
    const rate = byRate.get(one);
    if (rate === undefined) return { ...base, ...differenceOf(pair, metric) };
    if (EXACT.has(metric) && base.a !== null && base.b !== null) {
      const verdict = base.a === base.b ? 'same' : isBetter(metric, base.b - base.a) ? 'better' : 'worse';
      const change = base.a === 0 ? null : base.b / base.a;
      return { ...base, change, interval: null, verdict, reason: null };
    }
    const { ratio, interval, reason } = rate.comparison;
    const correction = Math.exp(rate.shift?.centre ?? 0);
    return { ...base, change: ratio, interval, correction, verdict: verdictOf(rate.comparison), reason };
  });
}

interface Rate {
  readonly pair: Pair;
  readonly metric: string;
}

/** A comparison of starts, and what was taken out of it. */
interface Rated {
  readonly comparison: Comparison;
  readonly shift: Shift | null;
}

const verdictOf = ({ verdict }: Comparison) =>
  verdict === 'faster' ? 'better' : verdict === 'slower' ? 'worse' : verdict;

/** Compares starts of each pair, then adjusts for how many comparisons there are. */
function ratesOf(rates: readonly Rate[], apart: Apart | null): Map<Rate, Rated> {
  const shifts = new Map<Rate, Shift | null>();
  const moved = new Map<string, Shift | null>();
  const spreads = new Map<string, PooledSpread | null>();
  for (const metric of new Set(rates.map((rate) => rate.metric))) {
    const own = rates.filter((rate) => rate.metric === metric);
    const pairs = own.map(({ pair }) => pair);
    spreads.set(metric, spreadOf(pairs, metric, apart));
    for (const [i, shift] of shiftsBetween(apart, pairs, metric).entries()) shifts.set(own[i]!, shift);
    moved.set(metric, apart?.corrects === false ? controlMoved(apart, metric) : null);
  }
  const compared = (shiftFor: (rate: Rate) => Shift | null) =>
    adjustForMany(
      rates.map((rate) => {
        const { pair, metric } = rate;
        const spread = spreads.get(metric) ?? null;
        return apart === null
          ? compareExperiments(pair.a.starts, pair.b.starts, metric, { spread })
          : compareAcrossRuns(pair.a.starts, pair.b.starts, metric, { spread, shift: shiftFor(rate) });
      }),
    );
  const found = compared((rate) => shifts.get(rate) ?? null);
  // Two builds: the control is of both, so its change may be theirs, and what it explains is known of neither.
  const unmoved = [...moved.values()].every((shift) => shift === null);
  const besides = unmoved ? found : compared(({ metric }) => moved.get(metric) ?? null);
  return new Map(
    rates.map((rate, i) => {
      const [comparison, beside] = [found[i]!, besides[i]!];
      const explained = isFind(comparison) && beside.verdict !== comparison.verdict;
      const shown = explained
        ? { ...comparison, verdict: 'unclear' as const, reason: EXPLAINED }
        : comparison;
      return [rate, { comparison: shown, shift: shifts.get(rate) ?? null }];
    }),
  );
}

const isFind = ({ verdict }: Comparison) => verdict === 'faster' || verdict === 'slower';
const EXPLAINED = 'the drift control changed as well: the machine may be all of it';

function differenceOf(
  { a, b }: Pair,
  metric: string,
): Pick<Change, 'change' | 'interval' | 'verdict' | 'reason'> {
  const [left, right] = [a, b].map((row) => row.trial.measurements[metric]);
  if (!isPresent(left) || !isPresent(right)) throw new Error('both sides have a number');
  const change = right.value - left.value;
  const half = left.ci95 === null || right.ci95 === null ? null : together(left.ci95, right.ci95);
  if (half === null) {
    return {
      change,
      interval: null,
      verdict: 'unclear',
      reason: 'one side has no error: nothing is known of it',
    };
  }
  const interval: Interval = [change - half, change + half];
  if (change === 0 && CONTINUOUS.has(metric)) return { change, interval, verdict: 'same', reason: null };
  if (interval[0] <= 0 && interval[1] >= 0)
    return { change, interval, verdict: 'unclear', reason: 'the interval holds no difference as well' };
  return { change, interval, verdict: isBetter(metric, change) ? 'better' : 'worse', reason: null };
}

function isBetter(metric: string, change: number): boolean {
  return change > 0 === (metricNamed(metric)?.better === 'max');
}

/** @returns why there is nothing to compare; only valid rows are compared. */
function missingOf({ a, b }: Pair, metric: string): string | null {
  for (const [side, row] of [
    ['A', a],
    ['B', b],
  ] as const) {
    if (row.state !== 'valid') return `the row of ${side} is ${row.state}`;
    const reason = reasonOf(row, metric);
    if (reason !== null) return `${side} has none: ${reason}`;
  }
  return null;
}

/** How starts differ, learned from all rows of both sides; rows that share their blocks belong together. */
function spreadOf(pairs: readonly Pair[], metric: string, apart: Apart | null): PooledSpread | null {
  const groups = new Map<string, Row[]>();
  for (const side of ['a', 'b'] as const) {
    for (const row of new Set(pairs.map((pair) => pair[side]))) {
      // Runs of one file number their blocks alike.
      const key = `${apart === null ? '' : side} ${row.starts.map(blockOf).join()}`;
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
  }
  const rows = [...groups.values()].map((group) => [...new Set(group)]);
  return pooledSpread(rows.map((group) => group.map(({ starts }) => blocksOf(starts, metric))));
}
