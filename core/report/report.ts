import { driftOf } from '../judgement/drift.js';
import { bestTrial } from '../judgement/trials.js';
import { recordFront } from '../pareto/front.js';
import type { ResultRecord } from '../result.js';
import type { AxisValue } from '../sweep/experiment.js';
import { axisValues, describe } from '../sweep/labels.js';
import type { Objective } from '../sweep/spec.js';
import type { ColumnChoice } from './column-sets.js';
import { type AxisColumn, axisColumns, cellText, type MetricColumn, metricColumns } from './columns.js';
import { offFront, type Unplaced, unplaced } from './front.js';
import { type Absence, absences, type NoteGroup, noteGroups } from './notes.js';
import type { Row } from './rows.js';

/** What every view of results shows: one definition for the terminal, the exports and the report page. */
export interface Report {
  readonly sweepName: string;
  readonly objectives: readonly Objective[];
  /** The columns that were asked for; null = those of the catalogue. */
  readonly columns: ColumnChoice | null;
  /** One row per experiment, in the sweep's order. */
  readonly rows: readonly Row[];
  readonly axes: readonly AxisColumn[];
  readonly constants: readonly { readonly name: string; readonly value: AxisValue }[];
  readonly metrics: readonly MetricColumn[];
  readonly notes: readonly NoteGroup[];
  readonly absences: readonly Absence[];
  /** Valid rows without a place on the front or off it, by the objective they lack. */
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
  readonly invalid: number;
  readonly failed: number;
  readonly trials: number;
}

export interface ReportRequest {
  readonly sweepName: string;
  readonly objectives: readonly Objective[];
  readonly columns?: ColumnChoice | null;
}

/**
 * Builds the report of any set of records: retries and repetitions of one experiment become one row, drift
 * controls stay apart, and only valid rows can stand on the Pareto front.
 */
export function buildReport(records: readonly ResultRecord[], request: ReportRequest): Report {
  const byTime = [...records].sort((a, b) => a.startedAt.localeCompare(b.startedAt));
  const measured = byTime.filter((r) => r.sweep.purpose === 'measure');
  const groups = new Map<string, ResultRecord[]>();
  for (const record of measured) {
    const trials = groups.get(record.experimentId);
    if (trials === undefined) groups.set(record.experimentId, [record]);
    else trials.push(record);
  }
  const quoted = [...groups.values()]
    .flatMap((trials) => {
      // Without a complete trial the last one says what went wrong.
      const trial = bestTrial(trials) ?? trials.at(-1);
      return trial === undefined ? [] : { trials, trial };
    })
    .sort((a, b) => a.trial.sweep.position - b.trial.sweep.position);
  const nodes = distinct(records.map((r) => r.node.name));
  // Where a row ran is worth a column as soon as there is more than one place, even when no axis asked for it.
  const axes = quoted.map(({ trial }) => {
    const { node: _, ...point } = axisValues(trial.experiment);
    return nodes.length > 1 ? { ...point, node: trial.node.name } : point;
  });
  const { varying, constant } = axisColumns(axes);
  const marks = recordFront(
    quoted.map((q) => q.trial),
    request.objectives,
  );
  const drift = driftOf(byTime);
  const columnOf = new Map(varying.map((axis) => [axis.name, axis]));
  const { objectives, columns = null } = request;

  const rows = quoted.map(({ trial, trials }, i): Row => {
    const point = axes[i] ?? {};
    return {
      experimentId: trial.experimentId,
      number: i + 1,
      experiment: trial.experiment,
      axes: point,
      label: describe(
        trial.experiment,
        varying.map((axis) => axis.name),
        (name, value) => {
          const column = columnOf.get(name);
          return column === undefined || value === null ? value : cellText(column, value);
        },
      ),
      trial,
      others: trials.filter((t) => t !== trial),
      state: trial.status === 'failed' ? 'failed' : trial.valid ? 'valid' : 'invalid',
      onFront: objectives.length > 0 && (marks[i]?.onFront ?? false),
      offFront: objectives.length > 0 ? offFront(trial, marks[i], objectives) : null,
      warnings: [...trial.warnings, ...(drift.get(trial.trialId) ?? [])],
    };
  });
  const count = (state: Row['state']) => rows.filter((row) => row.state === state).length;
  return {
    sweepName: request.sweepName,
    objectives,
    columns,
    rows,
    axes: varying,
    constants: constant,
    metrics: metricColumns(rows, objectives, columns),
    notes: noteGroups(rows),
    absences: absences(rows, columns),
    unplaced: unplaced(rows, objectives),
    counts: {
      experiments: rows.length,
      valid: count('valid'),
      invalid: count('invalid'),
      failed: count('failed'),
      trials: records.length,
    },
    place: {
      nodes,
      devices: distinct(records.map((r) => r.device.name)),
      engines: distinct(records.flatMap((r) => engineOf(r) ?? [])),
    },
    controls: byTime.filter((r) => r.sweep.purpose === 'control'),
    startedAt: byTime[0]?.startedAt ?? null,
    endedAt:
      records
        .map((r) => r.endedAt)
        .sort()
        .at(-1) ?? null,
  };
}

/** @returns the engine release a trial ran on, or null when its record does not say. */
export function engineOf(record: ResultRecord): string | null {
  const engine = record.environment.engine;
  return typeof engine === 'string' ? engine : null;
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)];
}
