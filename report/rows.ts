import type { AxisValue, Experiment } from '../core/experiment/experiment.js';
import type { ResultRecord } from '../core/result/result.js';
import type { Grade, Warning } from '../core/result/warnings.js';
import type { Interval } from '../core/statistics/interval.js';

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
  /** Its first start, with the centre and interval of all starts as its measurements (core/judgement/trials.ts). */
  readonly trial: ResultRecord;
  /** The trials that count, as they were recorded, oldest first; of a failed experiment the last one. */
  readonly starts: readonly ResultRecord[];
  /** Every other trial of the experiment, oldest first: failed ones, and invalid ones beside valid ones. */
  readonly others: readonly ResultRecord[];
  readonly state: RowState;
  /** By the worst warning of its starts; null of a failed one. */
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

/** @returns why a row has no number for a metric; null when it has one. */
export function reasonOf(row: Row, metric: string): string | null {
  const entry = row.trial.measurements[metric];
  if (entry === undefined) return 'not measured';
  return entry.value === null ? entry.reason : null;
}
