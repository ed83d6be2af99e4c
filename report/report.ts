import type { AxisValue } from '../core/experiment/experiment.js';
import type { ResultRecord } from '../core/result/result.js';
import type { PointName } from '../core/sweep/labels.js';
import type { Objective, SearchBound } from '../core/sweep/spec.js';
import type { ColumnChoice } from './column-sets.js';
import type { AxisColumn, MetricColumn } from './columns.js';
import type { Unplaced } from './front.js';
import type { SharedLevel } from './levels.js';
import type { Absence, NoteGroup } from './notes.js';
import type { Row } from './rows.js';

/** What every view of results shows: one definition for the terminal, the exports and the report page. */
export interface Report {
  readonly sweepName: string;
  readonly objectives: readonly Objective[];
  /** The columns that were asked for; null = those of the catalogue. */
  readonly columns: ColumnChoice | null;
  /**
   * Starts that the sweep asks of each row, and spends at most; null = not known: records alone do not say.
   */
  readonly starts: number | null;
  readonly maxStarts: number | null;
  /** What the sweep calls some of its points. */
  readonly names: readonly PointName[];
  /** One row per experiment, in the sweep's order. */
  readonly rows: readonly Row[];
  readonly axes: readonly AxisColumn[];
  readonly constants: readonly { readonly name: string; readonly value: AxisValue }[];
  readonly metrics: readonly MetricColumn[];
  /** What all rows share of what neighbours took; empty where nothing was read of them. */
  readonly levels: readonly SharedLevel[];
  readonly notes: readonly NoteGroup[];
  /**
   * What is to be known of the sweep as a whole before a number is quoted, one sentence each; worked out when
   * it is read.
   */
  readonly headlines: readonly string[];
  readonly absences: readonly Absence[];
  /** Valid rows that stand on no front, by the objective they lack, or the bound they miss. */
  readonly unplaced: readonly Unplaced[];
  readonly counts: ReportCounts;
  readonly place: { readonly nodes: string[]; readonly devices: string[]; readonly engines: string[] };
  /** Runs of the drift control, oldest first; never rows. */
  readonly controls: readonly ResultRecord[];
  /** First start and last end over all trials, ISO 8601; null without records. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

export interface ReportCounts {
  readonly experiments: number;
  readonly valid: number;
  /** Of the valid ones. */
  readonly disturbed: number;
  readonly invalid: number;
  readonly failed: number;
  readonly trials: number;
}

export interface ReportRequest {
  readonly sweepName: string;
  readonly objectives: readonly Objective[];
  /** Of the sweep's search: what misses one is not on the front; left out = none. */
  readonly bounds?: readonly SearchBound[];
  readonly columns?: ColumnChoice | null;
  /**
   * Points of the sweep whose rows are numbered by their place in it, which stays while others come; without
   * it rows are numbered from 1 without gaps.
   */
  readonly points?: number;
  /** Starts that the sweep asks of each row, and spends at most; left out = nobody has told. */
  readonly starts?: number | null;
  readonly maxStarts?: number | null;
  /** What the sweep calls some of its points; left out = nothing. */
  readonly names?: readonly PointName[];
}
