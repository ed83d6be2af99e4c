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

/** Every stored trial of a sweep, oldest first. */
export async function collectResults(
  control: ControlConnection,
  sweepId: string,
  detail: RecordDetail = RecordDetail.RECORD_DETAIL_UNSPECIFIED,
): Promise<ResultRecord[]> {
  const records: ResultRecord[] = [];
  const request = { sweepId, follow: false, allTrials: true, detail, together: true };
  const messages = counted(control.streamResults(request), ({ moreJson }) => 1 + moreJson.length);
  for await (const { recordJson, moreJson } of messages) {
    records.push(parseStoredRecord(recordJson), ...moreJson.map(parseStoredRecord));
  }
  return records;
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
    if (allTrials) {
      // Line by line: all of a large sweep are more than one text can hold.
      const request = { sweepId: sweep.sweepId, follow: false, allTrials, together: true };
      const messages = counted(control.streamResults(request), ({ moreJson }) => 1 + moreJson.length);
      let lines = 0;
      for await (const { recordJson, moreJson } of messages) {
        for (const json of [recordJson, ...moreJson]) printData(json);
        lines += 1 + moreJson.length;
      }
      if (lines === 0) say(`${sweep.name} has no results yet`);
      return;
    }
    const records = await collectResults(control, sweep.sweepId, detail);
    if (records.length === 0) {
      say(`${sweep.name} has no results yet`);
      return;
    }
    printData(
      await renderResults(records, format, {
        sweepName: sweep.name,
        objectives: objectivesOf(sweep),
        columns: options.columns ?? null,
      }),
    );
  });
}

/** Objectives as the sweep file stated them. */
export function objectivesOf(sweep: SweepStatus): readonly Objective[] {
  return sweep.objectives.map(({ metric, maximize }) => ({ metric, better: maximize ? 'max' : 'min' }));
}
