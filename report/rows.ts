import type { AxisValue, Experiment } from '../core/experiment/experiment.js';
import { SETTLING_METRICS } from '../core/metrics/settling.js';
import { metricValue, type ResultRecord } from '../core/result/result.js';
import { type Grade, gradeOf, type Warning } from '../core/result/warnings.js';
import { PACED_METRICS, PRIORS, readingsOf } from '../judgement/pace.js';
import { mean } from '../statistics/summary.js';
import { calmness } from '../statistics/weighted-starts.js';
import { AS_MEASURED_SIGN, isAsMeasured, quotedOf, UNLIKE } from './quoted.js';

export type RowState = 'valid' | 'invalid' | 'failed';

/**
 * One experiment as every table shows it: the estimate from its starts, and beside it the trials that do not
 * count.
 */
export interface Row {
  readonly experimentId: string;
  /**
   * 1-based place in the report, which is the sweep's own order; where a sweep is followed, its place in the
   * sweep.
   */
  readonly number: number;
  readonly experiment: Experiment;
  readonly axes: Readonly<Record<string, AxisValue>>;
  /** The model and the axes that vary, in one line: `small q4_k_m flashAttention=true`. */
  readonly label: string;
  /**
   * Its first start, with the estimate and interval of all starts as its measurements (judgement/trials.ts).
   */
  readonly trial: ResultRecord;
  /** The trials that count, as they were recorded, oldest first; of a failed experiment the last one. */
  readonly starts: readonly ResultRecord[];
  /**
   * Every other trial of the experiment, oldest first: failed ones, invalid ones beside valid ones, and those
   * of an engine of before.
   */
  readonly others: readonly ResultRecord[];
  readonly state: RowState;
  /** `gradeOfRow`; null of a failed one. */
  readonly grade: Grade | null;
  /** Those of its starts, each code once. */
  readonly warnings: readonly Warning[];
  /** Nothing valid is better in one objective without being worse in another. */
  readonly onFront: boolean;
  /** Why it is not on the front, as a sentence; null on it, or without objectives. */
  readonly offFront: string | null;
}

/**
 * @returns the start whose decode or prefill is nearest to what the row quotes: its times show what the
 *   number says.
 */
export function nearestStart(row: Row): ResultRecord {
  const metric = SETTLING_METRICS.find((name) => quotedOf(row, name) !== null);
  if (metric === undefined) return row.trial;
  const { value: quoted } = quotedOf(row, metric)!;
  const logDistance = (start: ResultRecord) => Math.abs(Math.log((metricValue(start, metric) ?? 0) / quoted));
  return row.starts.reduce(
    (best, start) => (logDistance(start) < logDistance(best) ? start : best),
    row.starts[0] ?? row.trial,
  );
}

/** The sign of a row: `~` where something disturbed it and it counts. */
export type Mark = '~' | '';

/** What each sign means, for legends and hints: of a row, and of a number. */
export const MARKS = {
  '~': 'disturbed: something else used the machine during the row; it counts, and its interval allows for that',
  [AS_MEASURED_SIGN]: `as measured, with the range of its starts: ${UNLIKE}`,
} as const;

/** @returns the sign of a row. */
export function markOf({ state, grade }: Pick<Row, 'state' | 'grade'>): Mark {
  return state !== 'failed' && grade === 'disturbed' ? '~' : '';
}

/** @returns the signs that some of the rows bear, or some of their numbers in the columns that are shown. */
export function signsOf(
  rows: readonly Row[],
  metrics: readonly { readonly name: string }[],
): (keyof typeof MARKS)[] {
  const isDisturbed = rows.some((row) => markOf(row) === '~');
  const asMeasured = rows.some((row) =>
    metrics.some(({ name }) => {
      const quoted = quotedOf(row, name);
      return quoted !== null && isAsMeasured(quoted);
    }),
  );
  return [...(isDisturbed ? (['~'] as const) : []), ...(asMeasured ? ([AS_MEASURED_SIGN] as const) : [])];
}

/** A calm machine's number that differs by more than this factor, either way, is shown. */
export const CALM_SHOWN = 1.1;
/** Starts that together weigh less than this share of calm ones say less than their number suggests. */
const LEAST_WEIGHT = 0.5;

/**
 * @returns the grade of a row that did not fail: that of the worst warning of its starts. A row is also
 *   disturbed if neighbours took more than a tenth of one of its numbers, or if its starts weigh less than
 *   half as much as calm ones.
 */
export function gradeOfRow({ trial, starts }: Pick<Row, 'trial' | 'starts'>): Grade {
  const grade = gradeOf(trial.warnings, trial.experiment.measure.gates);
  return grade === 'clean' && isAdjusted({ trial, starts }) ? 'disturbed' : grade;
}

function isAdjusted({ trial, starts }: Pick<Row, 'trial' | 'starts'>): boolean {
  const adjusted = PACED_METRICS.some((metric) => {
    const quoted = quotedOf({ trial }, metric);
    const factor = quoted === null || quoted.calm === null ? 1 : quoted.calm.value / (quoted.asMeasured ?? 1);
    return Math.max(factor, 1 / factor) > CALM_SHOWN;
  });
  return (
    adjusted ||
    mean(starts.map((start) => calmness(readingsOf(start, 'decode'), PRIORS.decode))) < LEAST_WEIGHT
  );
}
