import { existsSync } from 'node:fs';
import type { Gates } from '../../core/experiment/experiment.js';
import type { ResultRecord } from '../../core/result/result.js';
import { regraded } from '../../judgement/regrade.js';
import { buildReport } from '../../report/build.js';
import type { Report } from '../../report/report.js';
import { savedBaseline } from '../baseline/store.js';
import { chooseRows, readSide } from '../compare/side.js';
import { withNamedSweep } from '../connection.js';
import { usageError } from '../exit.js';
import type { ConnectionOptions } from '../options/connection.js';
import { isLog, readLogFile, readWhole } from '../report/log-file.js';
import { readRun, type StoredRun } from '../report/run-folder.js';
import { collectResults, requestOfStatus } from '../results/results.js';

/**
 * Reads results from wherever they are: a folder of `ridge run`, a file of records, a log, or a coordinator's
 * sweep, where there is no such path. What follows a # chooses rows.
 * @throws CommandError (2) for what is none of these.
 */
export async function readSource(
  argument: string,
  connection: ConnectionOptions,
  gates?: Gates,
): Promise<Report> {
  const [source = '', ...rest] = argument.split('#');
  const chosen = ({ records, request }: Pick<StoredRun, 'records' | 'request'>) => {
    const graded = records.map((record) => regraded(record, gates));
    const report = buildReport(graded, request);
    return rest.length === 0 ? report : chooseRows(report, rest.join('#'), source).report;
  };
  if (isLog(source)) return chosen(await readLogFile(source));
  if (/\.ya?ml$/.test(source) && existsSync(source))
    throw usageError(`${source} is a sweep and no results`, 'Run it first, or add --predict.');
  if (source === '' || existsSync(source)) return readSide(argument, gates).report;
  return await withNamedSweep(source, connection, async (control, sweep) => {
    const records = await collectResults(control, sweep.sweepId);
    return chosen({ records, request: requestOfStatus(sweep) });
  });
}

/**
 * @returns every record of a source, whatever sweeps it is of, drift controls among them; `baseline:NAME` is
 *   one that was saved here.
 * @throws CommandError (2) as `readSource`.
 */
export async function readRecordsOf(source: string, connection: ConnectionOptions): Promise<ResultRecord[]> {
  const [, name] = /^baseline:(.+)$/.exec(source) ?? [];
  if (name !== undefined) return [...readRun(savedBaseline(name)).records];
  if (isLog(source)) return (await readWhole(source)).records.map((record) => regraded(record));
  if (existsSync(source)) return [...readRun(source).records];
  return await withNamedSweep(source, connection, async (control, sweep) =>
    (await collectResults(control, sweep.sweepId)).map((record) => regraded(record)),
  );
}
