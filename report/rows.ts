import type { AxisValue, Experiment } from '../core/experiment/experiment.js';
import type { ResultRecord } from '../core/result/result.js';
import { type Grade, gradeOf, type Warning } from '../core/result/warnings.js';
import { PACED_METRICS, PRIORS, readingsOf } from '../judgement/pace.js';
import type { Interval } from '../statistics/interval.js';
import { calmness } from '../statistics/joint-fit.js';
import { mean } from '../statistics/summary.js';

export type RowState = 'valid' | 'invalid' | 'failed';

/** One experiment as every table shows it: what its starts say together, and the trials that do not count beside it. */
export interface Row {
  readonly experimentId: string;
  /** 1-based place in the report, which is the sweep's own order; where a sweep is followed, its place in the sweep. */
  readonly number: number;
  readonly experiment: Experiment;
  readonly axes: Readonly<Record<string, AxisValue>>;
  /** The model and the axes that vary, in one line: `small q4_k_m flashAttention=true`. */
  readonly label: string;
  /** Its first start, with the estimate and interval of all starts as its measurements (judgement/trials.ts). */
  readonly trial: ResultRecord;
  /** The trials that count, as they were recorded, oldest first; of a failed experiment the last one. */
  readonly starts: readonly ResultRecord[];
  /** Every other trial of the experiment, oldest first: failed ones, invalid ones beside valid ones, and those of an engine of before. */
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

/** @returns whether a row bears the sign of what counts, and was not measured on a machine that was its alone. */
export function isMarked({ grade }: Row): boolean {
  return grade === 'disturbed';
}

/** @returns the number a row quotes for a metric, or null when it has none. */
export function metricOf(row: Row, metric: string): number | null {
  return row.trial.measurements[metric]?.value ?? null;
}

/** @returns the ends of the 95 % interval of what a row quotes, or null where none is known. */
export function intervalOf(row: Row, metric: string): Interval | null {
  const entry = row.trial.measurements[metric];
  return entry === undefined || entry.value === null ? null : entry.ci95;
}

/** What a row quotes, without what the readings beside its starts say that neighbours took. */
export interface Adjustment {
  readonly asMeasured: number;
  /** What that was multiplied by. */
  readonly adjustedBy: number;
}

/** @returns how a row's number for a metric was adjusted; null where nothing was read of neighbours. */
export function adjustmentOf({ trial }: Pick<Row, 'trial'>, metric: string): Adjustment | null {
  const entry = trial.measurements[metric];
  if (entry === undefined || entry.value === null) return null;
  const { asMeasured, adjustedBy } = entry;
  return asMeasured === undefined || adjustedBy === undefined ? null : { asMeasured, adjustedBy };
}

/** Adjustments by more than this factor, either way, are shown. */
const MOST_ADJUSTED = 1.1;
/** Starts that are together worth less than this share of calm ones say less than their number. */
const LEAST_WEIGHT = 0.5;

/**
 * @returns the grade of a row that did not fail: by the worst warning of its starts, and disturbed also where neighbours make its numbers
 *   estimates more than readings: one was adjusted by more than a tenth, or its starts are worth less than half of calm ones.
 */
export function gradeOfRow({ trial, starts }: Pick<Row, 'trial' | 'starts'>): Grade {
  const grade = gradeOf(trial.warnings, trial.experiment.measure.gates);
  return grade === 'clean' && isAdjusted({ trial, starts }) ? 'disturbed' : grade;
}

function isAdjusted({ trial, starts }: Pick<Row, 'trial' | 'starts'>): boolean {
  const adjusted = PACED_METRICS.some((metric) => {
    const factor = adjustmentOf({ trial }, metric)?.adjustedBy ?? 1;
    return Math.max(factor, 1 / factor) > MOST_ADJUSTED;
  });
  return (
    adjusted ||
    mean(starts.map((start) => calmness(readingsOf(start, 'decode'), PRIORS.decode))) < LEAST_WEIGHT
  );
}

/** @returns why a row has no number for a metric; null when it has one. */
export function reasonOf(row: Row, metric: string): string | null {
  const entry = row.trial.measurements[metric];
  if (entry === undefined) return 'not measured';
  return entry.value === null ? entry.reason : null;
}
