import type { AxisValue, Experiment } from '../core/experiment/experiment.js';
import type { ResultRecord } from '../core/result/result.js';
import type { Warning } from '../core/result/warnings.js';

export type RowState = 'valid' | 'invalid' | 'failed';

/** One experiment as every table shows it: the trial that is quoted, and the others beside it. */
export interface Row {
  readonly experimentId: string;
  /** 1-based place in the report, which is the sweep's own order; where a sweep is followed, its place in the sweep. */
  readonly number: number;
  readonly experiment: Experiment;
  readonly axes: Readonly<Record<string, AxisValue>>;
  /** The model and the axes that vary, in one line: `small q4_k_m flashAttention=true`. */
  readonly label: string;
  readonly trial: ResultRecord;
  /** Every other trial of the experiment: retries and repetitions, oldest first. */
  readonly others: readonly ResultRecord[];
  readonly state: RowState;
  /** The trial's own doubts, and the drift of the block it ran in. */
  readonly warnings: readonly Warning[];
  /** Nothing valid is better in one objective without being worse in another. */
  readonly onFront: boolean;
  /** Why it is not on the front, as a sentence; null on it, or without objectives. */
  readonly offFront: string | null;
}

/** @returns the number a row quotes for a metric, or null when it has none. */
export function metricOf(row: Row, metric: string): number | null {
  return row.trial.measurements[metric]?.value ?? null;
}

/** @returns half the width of the 95 % interval, or null for single readings and missing values. */
export function halfWidthOf(row: Row, metric: string): number | null {
  const entry = row.trial.measurements[metric];
  if (entry === undefined || entry.value === null || entry.ci95 === null) return null;
  return (entry.ci95[1] - entry.ci95[0]) / 2;
}

/** @returns why a row has no number for a metric; null when it has one. */
export function reasonOf(row: Row, metric: string): string | null {
  const entry = row.trial.measurements[metric];
  if (entry === undefined) return 'not measured';
  return entry.value === null ? entry.reason : null;
}
