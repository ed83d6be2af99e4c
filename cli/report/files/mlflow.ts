import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse, stringify } from 'yaml';

import { axisText } from '../../../report/columns.js';
import type { Report } from '../../../report/report.js';
import { axisColumns, METRIC_COLUMNS } from '../../../report/row-columns.js';
import type { Row } from '../../../report/rows.js';
import { type FileExporter, intoFolder, type Put } from './index.js';

const META = 'meta.yaml';
/** mlflow.protos: RunStatus, and the SourceType LOCAL. */
const FINISHED = 3;
const FAILED = 4;
const LOCAL = 4;

/**
 * MLflow's file store (mlflow/store/tracking/file_store.py): an experiment for the sweep, a run for each row,
 * with its axes as parameters and its metrics with the ends of their intervals. Ids follow from the sweep's
 * name and the experiment, so the same results written again are the same runs.
 */
export const mlflow: FileExporter = {
  unit: 'folder',
  place: 'a folder (mlruns)',
  async write(report, path) {
    intoFolder(path, 'Name a folder, such as mlruns.', (put) => {
      const experimentId = experimentFolder(path, report, put);
      for (const row of report.rows) writeRun(path, experimentId, { row, report, put });
    });
    const { length } = report.rows;
    return `wrote ${length} ${length === 1 ? 'run' : 'runs'} of the experiment ${report.sweepName} to ${path}`;
  },
};

/** Makes the experiment of the sweep's name, unless the store has one. @returns its id. */
function experimentFolder(store: string, { sweepName, rows }: Report, put: Put): string {
  const known = readdirSync(store).find((name) => {
    const meta = join(store, name, META);
    return existsSync(meta) && parse(readFileSync(meta, 'utf8'))?.name === sweepName;
  });
  if (known !== undefined) return known;
  // MLflow's own are 18 digits, too.
  const id = String(BigInt(`0x${hash(sweepName)}`) % 10n ** 18n).padStart(18, '1');
  const times = rows.map(({ trial }) => Date.parse(trial.startedAt));
  const began = times.length === 0 ? 0 : Math.min(...times);
  const meta = {
    artifact_location: pathToFileURL(join(store, id)).href,
    creation_time: began,
    experiment_id: id,
    last_update_time: began,
    lifecycle_stage: 'active',
    name: sweepName,
  };
  put(`${id}/${META}`, stringify(meta, QUOTED));
  return id;
}

/** Ids are digits, which have to stay text. */
const QUOTED = { defaultStringType: 'QUOTE_SINGLE', defaultKeyType: 'PLAIN' } as const;

/** What a run is written from, and by. */
interface Writing {
  readonly row: Row;
  readonly report: Report;
  readonly put: Put;
}

function writeRun(store: string, experimentId: string, { row, report, put }: Writing): void {
  const { trial } = row;
  const id = hash(`${report.sweepName}\n${row.experimentId}`);
  const run = `${experimentId}/${id}`;
  rmSync(join(store, run), { recursive: true, force: true });
  for (const name of ['params', 'metrics', 'tags', 'artifacts'])
    mkdirSync(join(store, run, name), { recursive: true });
  const end = Date.parse(row.starts.at(-1)?.endedAt ?? trial.endedAt);
  const user = userInfo().username;
  const meta = {
    artifact_uri: pathToFileURL(join(store, run, 'artifacts')).href,
    end_time: end,
    entry_point_name: '',
    experiment_id: experimentId,
    lifecycle_stage: 'active',
    run_id: id,
    run_name: row.label,
    run_uuid: id,
    source_name: '',
    source_type: LOCAL,
    source_version: '',
    start_time: Date.parse(trial.startedAt),
    status: row.state === 'failed' ? FAILED : FINISHED,
    tags: [],
    user_id: user,
  };
  put(`${run}/${META}`, stringify(meta, QUOTED));
  for (const { name, cellOf } of axisColumns(report)) {
    const value = cellOf(row);
    // One line: MLflow reads no more of a parameter.
    if (value !== null) put(`${run}/params/${name}`, axisText(value).replace(/\s+/g, ' '));
  }
  for (const { name, cellOf } of METRIC_COLUMNS) {
    const value = cellOf(row);
    if (value !== null) put(`${run}/metrics/${name}`, `${end} ${value} 0\n`);
  }
  const tags: Record<string, string | null> = {
    'mlflow.runName': row.label,
    'mlflow.user': user,
    'mlflow.source.name': 'ridge',
    'mlflow.source.type': 'LOCAL',
    'ridgepoint.experimentId': row.experimentId,
    'ridgepoint.state': row.state,
    'ridgepoint.grade': row.grade,
    'ridgepoint.onParetoFront': String(row.onFront),
    'ridgepoint.starts': String(row.state === 'failed' ? 0 : row.starts.length),
    'ridgepoint.node': trial.node.name,
    'ridgepoint.device': trial.device.name,
    'ridgepoint.warnings': row.warnings.map(({ code }) => code).join(' '),
    'ridgepoint.failure': trial.failure?.message ?? null,
  };
  for (const [name, value] of Object.entries(tags))
    if (value !== null && value !== '') put(`${run}/tags/${name}`, value);
}

/** 32 hex digits, as ids of runs have. */
function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
