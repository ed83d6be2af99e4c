import type { Change } from '../../core/quality/questions.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { Objective, Selector } from '../../core/sweep/spec.js';
import type { ControlConnection } from '../../proto/client.js';
import { fromBounds, parseStoredRecord } from '../../proto/convert.js';
import {
  RecordDetail,
  type SubmitSweepResponse,
  type SweepStatus,
} from '../../proto/gen/ridgepoint/v1/control.js';
import { CompactRecords } from '../../report/compact.js';
import { CsvTable } from '../../report/csv-table.js';
import { IncrementalReport } from '../../report/incremental/report.js';
import type { ReportRequest } from '../../report/report.js';
import { findSweep, withCoordinator } from '../connection.js';
import { type CommandError, workError } from '../exit.js';
import { chosenFormat, type Format } from '../options/display.js';
import { printData, printNext, say } from '../output/print.js';
import { printRendered, renderResults } from '../report/render.js';
import type { ResultsOptions } from './command.js';
import { counted } from './counted.js';
import { fetchRun } from './fetched.js';

/** Formats that show figures only: raw samples need not come over the wire. */
const OF_ROWS: ReadonlySet<Format> = new Set<Format>(['table', 'md', 'json']);

/** Of records that are all in memory to be made one text. V8 holds texts of some 536e6. */
const MOST_CHARACTERS = 400e6;

/**
 * Stored trials of a sweep as their JSON, oldest first, some at a time.
 * @param after an entry of the log; 0 = all of them.
 */
async function* storedTrials(
  control: ControlConnection,
  sweepId: string,
  detail: RecordDetail,
  after = 0,
): AsyncGenerator<readonly string[]> {
  const request = { sweepId, follow: false, allTrials: true, detail, together: true, after };
  const messages = counted(control.streamResults(request), ({ moreJson }) => 1 + moreJson.length);
  for await (const { recordJson, moreJson } of messages) yield [recordJson, ...moreJson];
}

/**
 * @param submitted the answer to a submission.
 * @returns for each row that was asked, or scored, again since then, why: its questions had changed. The log
 *   tells what came since, so that no clock of this machine, of the coordinator or of a node is compared with
 *   another one.
 */
export async function askedAgainSince(
  control: ControlConnection,
  { sweepId, position }: Pick<SubmitSweepResponse, 'sweepId' | 'position'>,
): Promise<(readonly Change[])[]> {
  const rows: (readonly Change[])[] = [];
  for await (const some of storedTrials(control, sweepId, RecordDetail.RECORD_DETAIL_ROW, position)) {
    for (const json of some) {
      const { quality } = parseStoredRecord(json);
      if (quality?.again !== undefined) rows.push(quality.again.changes);
    }
  }
  return rows;
}

/**
 * Every stored trial of a sweep, oldest first.
 * @param most characters of JSON that they may have together
 * @throws CommandError (1) where they have more
 */
export async function collectResults(
  control: ControlConnection,
  sweepId: string,
  detail: RecordDetail = RecordDetail.RECORD_DETAIL_UNSPECIFIED,
  most = Number.POSITIVE_INFINITY,
): Promise<ResultRecord[]> {
  const records: ResultRecord[] = [];
  let characters = 0;
  for await (const some of storedTrials(control, sweepId, detail)) {
    for (const json of some) {
      characters += json.length;
      if (characters > most) throw tooMany(records.length + 1);
      records.push(parseStoredRecord(json));
    }
  }
  return records;
}

function tooMany(records: number): CommandError {
  return workError(
    `the sweep has more results than one document of this format can hold: ${records} are too many already`,
    'Print them with --format csv or --format jsonl, which have no end, or look at them in the web view of the coordinator.',
  );
}

/**
 * @returns how many trials there are: their CSV is printed when all have come, without any being kept whole.
 */
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
  if (trials > 0) for (const piece of table.pieces()) await printNext(piece);
  return trials;
}

/** Line by line: all trials of a large sweep are more than one text can hold. @returns how many there are */
async function printTrials(control: ControlConnection, sweepId: string): Promise<number> {
  let lines = 0;
  for await (const some of storedTrials(control, sweepId, RecordDetail.RECORD_DETAIL_UNSPECIFIED)) {
    for (const json of some) await printNext(json);
    lines += some.length;
  }
  return lines;
}

/**
 * The record that counts for each experiment, as it is stored, in the order of the log. Which ones count is
 * known after the last one, and all of them are more than memory holds: so rows are asked for first, and the
 * records then.
 * @returns how many trials there are
 */
async function printCounted(
  control: ControlConnection,
  sweepId: string,
  request: ReportRequest,
): Promise<number> {
  const growing = new IncrementalReport({ ...request, objectives: [] });
  const lean = new CompactRecords([]);
  const trials: string[] = [];
  for await (const some of storedTrials(control, sweepId, RecordDetail.RECORD_DETAIL_ROW)) {
    const records = some.map((json) => lean.compacted(parseStoredRecord(json)));
    growing.add(records);
    for (const { trialId } of records) trials.push(trialId);
  }
  const counted = new Set(growing.report().rows.map(({ trial }) => trial.trialId));
  let place = 0;
  for await (const some of storedTrials(control, sweepId, RecordDetail.RECORD_DETAIL_UNSPECIFIED)) {
    for (const json of some) {
      const trialId = trials[place];
      // What came since.
      if (trialId === undefined) return place;
      if (!json.includes(JSON.stringify(trialId))) {
        throw workError('the results are others than a moment ago', 'Ask again.');
      }
      if (counted.has(trialId)) await printNext(json);
      place += 1;
    }
  }
  return place;
}

/** Formats that do not have to hold a whole sweep at once. */
const PRINTED_AS_THEY_COME: Partial<Record<Format, typeof printCsv>> = { csv: printCsv, jsonl: printCounted };

/** `ridge results`. */
export async function printResults(named: string | undefined, options: ResultsOptions): Promise<void> {
  await withCoordinator(options, async (control) => {
    const sweep = await findSweep(control, named);
    const allTrials = options.allTrials === true;
    if (options.bodies !== undefined) {
      const { results, files } = await fetchRun(control, sweep.sweepId, options.bodies);
      say(`wrote ${options.bodies}: ${results} results, ${files} files of answers and calls`);
      return;
    }
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
    const request = { ...requestOfStatus(sweep), columns: options.columns ?? null };
    const print = allTrials ? printTrials : PRINTED_AS_THEY_COME[format];
    if (print !== undefined) {
      const printed = await print(control, sweep.sweepId, request);
      if (printed === 0) say(`${sweep.name} has no results yet`);
      return;
    }
    const records = await collectResults(control, sweep.sweepId, detail, MOST_CHARACTERS);
    if (records.length === 0) return say(`${sweep.name} has no results yet`);
    const text = await renderResults(records, format, request).catch((error: unknown) => {
      // The one thing that V8 says of texts that are too long.
      throw error instanceof RangeError ? tooMany(records.length) : error;
    });
    printRendered(text, format);
  });
}

/** @returns what a coordinator says of the report of a sweep. */
export function requestOfStatus(sweep: SweepStatus): ReportRequest {
  const { name: sweepName, starts } = sweep;
  const bounds = fromBounds(sweep.search?.constraints ?? []);
  return {
    sweepName,
    objectives: objectivesOf(sweep),
    bounds,
    starts: starts || null,
    names: sweep.names.map(({ name, atJson, single }) => {
      return { name, at: JSON.parse(atJson) as Selector, single };
    }),
  };
}

/** Objectives as the sweep file stated them. */
export function objectivesOf(sweep: SweepStatus): readonly Objective[] {
  return sweep.objectives.map(({ metric, maximize }) => ({ metric, better: maximize ? 'max' : 'min' }));
}
