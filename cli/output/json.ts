import type { Report } from '../../report/report.js';
import { axisColumns } from '../../report/row-columns.js';
import type { Row } from '../../report/rows.js';
import type { Exporter } from './exporter.js';

/** The version of this format; fields are only ever added to it. */
const SCHEMA = 'ridgepoint.dev/report/v1';

/** The report as one document: rows with measurements and warnings, caption, notes. */
export const json: Exporter = (report) => ({
  text: `${JSON.stringify(document(report), null, 2)}\n`,
  notes: [],
});

function document(report: Report) {
  const names = axisColumns(report).map(({ name }) => name);
  const { startedAt, endedAt, objectives, counts, headlines, notes } = report;
  const { nodes, devices, engines } = report.place;
  return {
    schema: SCHEMA,
    sweep: report.sweepName,
    startedAt,
    endedAt,
    objectives,
    counts,
    nodes,
    devices,
    engines,
    absent: report.absences,
    headlines,
    notes,
    rows: report.rows.map((row) => entry(row, names)),
  };
}

function entry(row: Row, names: readonly string[]) {
  const { number, label, experimentId, state, grade, trial, warnings } = row;
  const { trialId, device, startedAt, endedAt, repeats, measurements, quality, artifact, failure } = trial;
  return {
    number,
    label,
    experimentId,
    trialId,
    state,
    grade,
    onParetoFront: row.onFront,
    notOnFrontBecause: row.offFront,
    axes: Object.fromEntries(names.map((name) => [name, row.axes[name] ?? null])),
    node: trial.node.name,
    device,
    startedAt,
    endedAt,
    repeats,
    measurements,
    quality,
    artifact,
    warnings,
    failure,
    starts: row.starts.map((t) => t.trialId),
    otherTrials: row.others.map((t) => t.trialId),
  };
}
