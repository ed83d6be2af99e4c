import { metricNamed } from '../core/metrics/catalogue.js';
import { metricValue } from '../core/result/result.js';
import { gradeOf } from '../core/result/warnings.js';
import { axisValues } from '../core/sweep/labels.js';
import { Estimates } from '../judgement/estimates.js';
import { holds } from '../judgement/holds.js';
import type { Interval } from '../statistics/interval.js';
import { type Difference, differenceOf, ratioInterval, type Sides } from '../statistics/joint-compare.js';
import { holm } from '../statistics/significance.js';
import { mean } from '../statistics/summary.js';
import { QUALITY } from './column-sets.js';
import { quotedOf, quotedValue, reasonOf } from './quoted.js';
import type { Report } from './report.js';
import { rowLabels } from './row-labels.js';
import type { Row, RowState } from './rows.js';

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
  /**
   * The ratio of the same starts without any adjustment by what was read beside them; null for what is not
   * adjusted.
   */
  readonly asMeasured: number | null;
  /** `change` over `asMeasured`: what the adjustment made of the ratio. */
  readonly adjustedBy: number | null;
  /** At `Comparing.confidence`, each by itself. */
  readonly interval: Interval | null;
  /** Of no difference, after Holm over the experiments of the metric; null for what is not tested. */
  readonly p: number | null;
  /**
   * Standard error of the logarithm of the ratio, its degrees of freedom, and the part of its square that
   * more starts lower; null for what is not tested.
   */
  readonly error: number | null;
  readonly df: number | null;
  readonly startsVariance: number | null;
  /**
   * The smallest ratio (above 1) that would have been found in four of five such comparisons; null where
   * there is no interval.
   */
  readonly visible: number | null;
  readonly verdict: 'better' | 'worse' | 'same' | 'unclear' | 'missing';
  /** Why there is no number or no verdict. */
  readonly reason: string | null;
  /** Of the rows of A and B. */
  readonly states: readonly [a: RowState, b: RowState];
}

/** How pairs are compared. */
export interface Comparing {
  /**
   * Whether all was measured in one sitting, in turns: what the machine did to all of it is then no
   * difference.
   */
  readonly oneSitting: boolean;
  /** Default 0.95. */
  readonly confidence?: number;
}

/**
 * Read off the file and the context: a difference is one, without any spread, and no disturbance or fault of
 * a trial touches it.
 */
const EXACT = new Set([
  'modelBytes',
  'kvCacheBytes',
  'bitsPerWeight',
  'compressionRatio',
  'weightSparsityRatio',
]);

/** @returns whether a metric is read off the file and the context, and has no spread. */
export const isExact = (metric: string): boolean => EXACT.has(metric);

/** Figures that two different models do not share to the last digit. */
const CONTINUOUS = new Set(['perplexity', 'perplexityRatio', 'klDivergenceNats', 'klDivergenceP99Nats']);

/** Ratios nearer to 1 than this differ in nothing that anybody would act on. */
const INDIFFERENCE = 0.01;
const ZONE: Interval = [1 / (1 + INDIFFERENCE), 1 + INDIFFERENCE];

/** Half widths of independent intervals add in quadrature. */
const combinedHalfWidth = (a: Interval, b: Interval) => Math.hypot((a[1] - a[0]) / 2, (b[1] - b[0]) / 2);

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

/** A comparison of two runs. */
export interface Comparison {
  /** Of each pair, metric by metric. */
  readonly changes: readonly Change[];
  /**
   * Of all pairs together, where there are two or more with a ratio: the geometric mean, which shows what
   * each row alone is too noisy for.
   */
  readonly overall: readonly Change[];
}

/**
 * Compares metrics of matched experiments. Speed: the ratio by the fit of both sides together, whose slopes
 * on what was read of neighbours they share (statistics/joint-compare.ts); p values are adjusted for the
 * number of experiments, metric by metric. Quality: the difference, its interval from both standard errors as
 * if they were independent; on the same text they are not, so it is too wide rather than too narrow. Every
 * pair with numbers on both sides has an answer, whatever ran beside it; a row that came out of a fault has
 * none but of what is read off its file.
 */
export function comparisonOf(
  pairs: readonly Pair[],
  metrics: readonly string[],
  comparing: Comparing = { oneSitting: true },
): Comparison {
  const timed = pairs.filter(({ a, b }) => isTimed(a) && isTimed(b));
  const estimates = new Estimates([...timed.map(({ a }) => a.starts), ...timed.map(({ b }) => b.starts)]);
  const byMetric = metrics.map((metric) =>
    QUALITY.has(metric) || EXACT.has(metric) ? NO_RATES : ratesOf(metric, timed, estimates, comparing),
  );
  const changes = pairs.flatMap((pair) =>
    metrics.map((metric, m): Change => {
      const base = baseOf(pair, metric);
      const why = missingOf(pair, metric);
      if (why !== null) return { ...base, verdict: 'missing', reason: why };
      if (QUALITY.has(metric)) return { ...base, ...differenceIn(pair, metric) };
      if (EXACT.has(metric)) return { ...base, ...compareExact(metric, base.a!, base.b!) };
      const rate = byMetric[m]!.of.get(pair);
      return { ...base, ...(rate ?? withoutRatio(pair, metric, base)) };
    }),
  );
  return { changes, overall: byMetric.flatMap(({ overall }) => overall ?? []) };
}

/** Whether the starts of a row are what they say, though strict gates may leave them out. */
const isTimed = ({ state, warnings }: Row) => state !== 'failed' && gradeOf(warnings, 'warn') !== 'invalid';

type Told = Pick<Change, 'change' | 'verdict' | 'reason'> & Partial<Change>;
type Ratio = Omit<Change, 'label' | 'metric' | 'a' | 'b' | 'kind' | 'states'>;

function baseOf({ label, a, b }: Pair, metric: string): Change {
  return {
    label,
    metric,
    a: quotedValue(a, metric),
    b: quotedValue(b, metric),
    kind: QUALITY.has(metric) ? ('difference' as const) : ('ratio' as const),
    change: null,
    asMeasured: null,
    adjustedBy: null,
    interval: null,
    p: null,
    error: null,
    df: null,
    startsVariance: null,
    visible: null,
    verdict: 'missing' as const,
    reason: null,
    states: [a.state, b.state],
  };
}

interface Rates {
  readonly of: ReadonlyMap<Pair, Told>;
  readonly overall: Change | null;
}
const NO_RATES: Rates = { of: new Map(), overall: null };

/**
 * @param estimates of the starts of A of all pairs, then those of B.
 * @returns what the fit says of each pair that has numbers on both sides.
 */
function ratesOf(
  metric: string,
  pairs: readonly Pair[],
  estimates: Estimates,
  { oneSitting, confidence = 0.95 }: Comparing,
): Rates {
  const fit = estimates.fitOf(metric);
  const both = pairs.flatMap((pair, i) => {
    const [base, candidate] = [fit.rows[i]!, fit.rows[pairs.length + i]!];
    if (base === null || candidate === null || missingOf(pair, metric) !== null) return [];
    return [{ pair, base, candidate }];
  });
  // What counts as found among many has to lie further off than by itself: of the first, Holm asks as much as
  // Bonferroni.
  const found = 1 - (1 - confidence) / Math.max(1, both.length);
  const differences = both.map((one) => differenceOf(fit, [one], { oneSitting, confidence: found }));
  const adjusted = holm(differences.map(({ p }) => p));
  const measured = both.map(({ base, candidate }) => candidate.asMeasured - base.asMeasured);
  // Nothing says how starts differ, neither these rows nor enough others: a prior alone finds nothing.
  const isSingle = ({ base, candidate }: Sides) =>
    fit.typical === null && base.starts === 1 && candidate.starts === 1;
  const of = new Map(
    both.map((one, i): [Pair, Told] => {
      const ratio = ratioOf(metric, differences[i]!, adjusted[i]!, Math.exp(measured[i]!), confidence);
      return [one.pair, isSingle(one) ? undecided(ratio) : ratio];
    }),
  );
  if (both.length < 2) return { of, overall: null };
  const all = differenceOf(fit, both, { oneSitting, confidence });
  const middle = Math.exp(mean(measured));
  const overall: Change = {
    label: `all ${both.length} experiments`,
    metric,
    a: null,
    b: null,
    kind: 'ratio',
    states: ['valid', 'valid'],
    ...ratioOf(metric, all, all.p, middle, confidence),
  };
  return { of, overall };
}

function ratioOf(
  metric: string,
  difference: Difference,
  p: number,
  asMeasured: number,
  confidence: number,
): Ratio {
  const change = Math.exp(difference.logRatio);
  const interval = ratioInterval(difference, confidence);
  const { error, df, startsVariance, smallestVisible: visible } = difference;
  const seen = {
    change,
    asMeasured,
    adjustedBy: change / asMeasured,
    interval,
    p,
    error,
    df,
    startsVariance,
    visible,
    reason: null,
  };
  const isInside = (ratio: number) => ratio >= ZONE[0] && ratio <= ZONE[1];
  if (interval.every(isInside)) return { ...seen, verdict: 'same' };
  if (p < 1 - confidence && !isInside(change)) {
    return { ...seen, verdict: isBetter(metric, change - 1) ? 'better' : 'worse' };
  }
  const reason = p < 1 - confidence ? 'the difference is real but may be too small to matter' : NOT_FOUND;
  return { ...seen, verdict: 'unclear', reason };
}

/** @returns the same without a verdict: it would follow from a prior alone. */
const undecided = (ratio: Ratio): Ratio =>
  ratio.verdict === 'unclear'
    ? ratio
    : { ...ratio, verdict: 'unclear', reason: ONE_EACH, p: null, visible: null };

const ONE_EACH = 'not known: one start each';
const NOT_FOUND = 'no difference found';

function compareExact(metric: string, a: number, b: number): Told {
  const verdict = a === b ? 'same' : isBetter(metric, b - a) ? 'better' : 'worse';
  return { change: a === 0 ? null : b / a, verdict, reason: null };
}

/** Of numbers without a logarithm: equal in every start, or nothing is known of how they differ. */
function withoutRatio({ a, b }: Pair, metric: string, { a: before, b: after }: Change): Told {
  const values = [...a.starts, ...b.starts].map((start) => metricValue(start, metric));
  const change = before === null || after === null || before === 0 ? null : after / before;
  if (values.every((value) => value === values[0])) return { change, verdict: 'same', reason: null };
  return { change, verdict: 'unclear', reason: 'a start has 0 or less, of which there is no ratio' };
}

function differenceIn({ a, b }: Pair, metric: string): Told {
  const [left, right] = [quotedOf(a, metric), quotedOf(b, metric)];
  if (left === null || right === null) throw new Error('both sides have a number');
  const change = right.value - left.value;
  const half =
    left.interval === null || right.interval === null
      ? null
      : combinedHalfWidth(left.interval, right.interval);
  if (half === null) {
    return { change, verdict: 'unclear', reason: 'one side has no error: nothing is known of it' };
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

/** @returns why there is nothing to compare. */
function missingOf({ a, b }: Pair, metric: string): string | null {
  for (const [side, row] of [
    ['A', a],
    ['B', b],
  ] as const) {
    if (!holds(row.trial, metric) && !isUntouched(row, metric)) return `the row of ${side} is ${row.state}`;
    const reason = reasonOf(row, metric);
    if (reason !== null) return `${side} has none: ${reason}`;
  }
  return null;
}

/**
 * Whether a figure of an invalid row is what it would be without that: faults of its load or its clock touch
 * neither file nor answers.
 */
function isUntouched({ state, warnings }: Row, metric: string): boolean {
  if (state !== 'invalid') return false;
  return (
    EXACT.has(metric) || (QUALITY.has(metric) && !warnings.some(({ code }) => code === 'provider-fallback'))
  );
}
