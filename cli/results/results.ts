import type { ResultRecord } from '../../core/result.js';
import type { Objective } from '../../core/sweep/spec.js';
import type { ControlConnection } from '../../proto/client.js';
import { parseRecord } from '../../proto/convert.js';
import type { SweepStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import { findSweep, withCoordinator } from '../connection.js';
import { chosenFormat } from '../options/display.js';
import { jsonLines } from '../output/jsonl.js';
import { printData, say } from '../output/print.js';
import { renderResults } from '../report/render.js';
import type { ResultsOptions } from './command.js';
import { counted } from './counted.js';

/** Every stored result of a sweep, oldest first. */
export async function collectResults(
  control: ControlConnection,
  sweepId: string,
  allTrials: boolean,
): Promise<ResultRecord[]> {
  const records: ResultRecord[] = [];
  for await (const message of counted(control.streamResults({ sweepId, follow: false, allTrials }))) {
    records.push(parseRecord(message.recordJson));
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
    const records = await collectResults(control, sweep.sweepId, true);
    if (records.length === 0) {
      say(`${sweep.name} has no results yet`);
      return;
    }
    if (allTrials) {
      printData(jsonLines(records));
      return;
    }
    printData(
      await renderResults(records, chosenFormat(options), {
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
