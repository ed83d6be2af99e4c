import type { Report } from '../../report/report.js';
import { axisColumns } from '../../report/row-columns.js';
import type { Row } from '../../report/rows.js';
import type { Exporter } from './exporter.js';

/** The version of this format; fields are only ever added to it. */
const SCHEMA = 'ridgepoint.dev/report/v1';

export const json: Exporter = {
  format: 'json',
  extension: '.json',
  help: 'the report as one document: rows with measurements and warnings, caption, notes',
  export: (report) => ({ text: `${JSON.stringify(document(report), null, 2)}\n`, notes: [] }),
};

function document(report: Report) {
  const names = axisColumns(report).map(({ name }) => name);
  return {
    schema: SCHEMA,
    sweep: report.sweepName,
    startedAt: report.startedAt,
    endedAt: report.endedAt,
    objectives: report.objectives,
    counts: report.counts,
    nodes: report.place.nodes,
    devices: report.place.devices,
    engines: report.place.engines,
    absent: report.absences,
    headlines: report.headlines,
    notes: report.notes,
    rows: report.rows.map((row) => entry(row, names)),
  };
}

function entry(row: Row, names: readonly string[]) {
  const { trial } = row;
  return {
    number: row.number,
    label: row.label,
    experimentId: row.experimentId,
    trialId: trial.trialId,
    state: row.state,
    grade: row.grade,
    onParetoFront: row.onFront,
    notOnFrontBecause: row.offFront,
    axes: Object.fromEntries(names.map((name) => [name, row.axes[name] ?? null])),
    node: trial.node.name,
    device: trial.device,
    startedAt: trial.startedAt,
    endedAt: trial.endedAt,
    repeats: trial.repeats,
    measurements: trial.measurements,
    quality: trial.quality,
    artifact: trial.artifact,
    warnings: row.warnings,
    failure: trial.failure,
    starts: row.starts.map((t) => t.trialId),
    otherTrials: row.others.map((t) => t.trialId),
  };
}
