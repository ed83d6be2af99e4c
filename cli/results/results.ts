import { CsvTable } from '../../core/report/csv-table.js';
import type { ReportRequest } from '../../core/report/report.js';
import type { ResultRecord } from '../../core/result.js';
import type { Objective } from '../../core/sweep/spec.js';
import type { ControlConnection } from '../../proto/client.js';
import { parseStoredRecord } from '../../proto/convert.js';
import { RecordDetail, type SweepStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import { findSweep, withCoordinator } from '../connection.js';
import { chosenFormat, type Format } from '../options/display.js';
import { printData, say } from '../output/print.js';
import { renderResults } from '../report/render.js';
import type { ResultsOptions } from './command.js';
import { counted } from './counted.js';

/** Formats that show figures only: raw samples need not come over the wire. */
const OF_ROWS: ReadonlySet<Format> = new Set<Format>(['table', 'md', 'csv', 'json']);

/** Every stored trial of a sweep as its JSON, oldest first, some at a time. */
async function* storedTrials(
  control: ControlConnection,
  sweepId: string,
  detail: RecordDetail,
): AsyncGenerator<readonly string[]> {
  const request = { sweepId, follow: false, allTrials: true, detail, together: true };
  const messages = counted(control.streamResults(request), ({ moreJson }) => 1 + moreJson.length);
  for await (const { recordJson, moreJson } of messages) yield [recordJson, ...moreJson];
}

/** Every stored trial of a sweep, oldest first. */
export async function collectResults(
  control: ControlConnection,
  sweepId: string,
  detail: RecordDetail = RecordDetail.RECORD_DETAIL_UNSPECIFIED,
): Promise<ResultRecord[]> {
  const records: ResultRecord[] = [];
  for await (const some of storedTrials(control, sweepId, detail)) {
    for (const json of some) records.push(parseStoredRecord(json));
  }
  return records;
}

/** @returns how many trials there are: their CSV is printed when all have come, without any being kept whole. */
async function printCsv(
  control: ControlConnection,
  sweepId: string,
  request: ReportRequest,
): Promise<number> {
  const table = new CsvTable(request);
  let trials = 0;
  for await (const some of storedTrials(control, sweepId, RecordDetail.RECORD_DETAIL_ROW)) {
    for (const json of some) table.add(json, parseStoredRecord);
    trials += some.length;
  }
  if (trials > 0) for (const piece of table.pieces()) printData(piece);
  return trials;
}

/** Line by line: all trials of a large sweep are more than one text can hold. @returns how many there are */
async function printTrials(control: ControlConnection, sweepId: string): Promise<number> {
  let lines = 0;
  for await (const some of storedTrials(control, sweepId, RecordDetail.RECORD_DETAIL_UNSPECIFIED)) {
    for (const json of some) printData(json);
    lines += some.length;
  }
  return lines;
}

/** `ridge results`. */
export async function printResults(word: string | undefined, options: ResultsOptions): Promise<void> {
  await withCoordinator(options, async (control) => {
    const sweep = await findSweep(control, word);
    const allTrials = options.allTrials === true;
    if (options.follow === true) {
      const request = { sweepId: sweep.sweepId, follow: true, allTrials };
      for await (const message of counted(control.streamResults(request))) {
        printData(message.recordJson);
      }
      return;
    }
    const format = chosenFormat(options);
    const detail = OF_ROWS.has(format)
      ? RecordDetail.RECORD_DETAIL_ROW
      : RecordDetail.RECORD_DETAIL_UNSPECIFIED;
    const request: ReportRequest = {
      sweepName: sweep.name,
      objectives: objectivesOf(sweep),
      columns: options.columns ?? null,
    };
    const printed = allTrials
      ? await printTrials(control, sweep.sweepId)
      : format === 'csv'
        ? await printCsv(control, sweep.sweepId, request)
        : null;
    if (printed !== null) {
      if (printed === 0) say(`${sweep.name} has no results yet`);
      return;
    }
    const records = await collectResults(control, sweep.sweepId, detail);
    if (records.length === 0) {
      say(`${sweep.name} has no results yet`);
      return;
    }
    printData(await renderResults(records, format, request));
  });
}

/** Objectives as the sweep file stated them. */
export function objectivesOf(sweep: SweepStatus): readonly Objective[] {
  return sweep.objectives.map(({ metric, maximize }) => ({ metric, better: maximize ? 'max' : 'min' }));
}
