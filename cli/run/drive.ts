import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { RunningAgent } from '../../agent/main.js';
import type { RunningCoordinator } from '../../coordinator/main.js';
import { plainText } from '../../core/metrics/text.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { Sweep } from '../../core/sweep/spec.js';
import type { ControlConnection } from '../../proto/client.js';
import { parseStoredRecord } from '../../proto/convert.js';
import { RecordDetail } from '../../proto/gen/ridgepoint/v1/control.js';
import { buildReport } from '../../report/build.js';
import type { Report } from '../../report/report.js';
import { EXIT } from '../exit.js';
import { onInterrupt } from '../interrupts.js';
import { chosenFormat } from '../options/display.js';
import { say } from '../output/print.js';
import type { SweepTime } from '../plan/sweep-time.js';
import { printRendered, renderReport } from '../report/render.js';
import { FILES, requestOf, writeRecords, writeWhole } from '../report/run-folder.js';
import { collectResults } from '../results/results.js';
import { saying } from '../single/step-progress.js';
import { exitCodeOf, sayAskedAgain, sayGrades, watchSweep } from '../watch/watch.js';
import { budgetOf, expectReport, expectSweep } from './begin.js';
import type { RunOptions } from './command.js';
import type { RunFolder } from './folder.js';
import { leaveAnswers } from './leave-answers.js';
import type { Prepared } from './prepare.js';
import type { TimePromise } from './time-promise.js';

/** What to do about invalid rows of a run. */
const TRY_AGAIN = 'The same command again measures only these.';

/** What is run. */
export interface Job extends Prepared {
  readonly promise: TimePromise;
  /** Is told each result that counts as it comes. */
  readonly onRow: ((record: ResultRecord) => void) | null;
}

/** Submits the sweep, watches it, and leaves its report. @returns the exit code of `ridge run`. */
export async function drive(
  coordinator: RunningCoordinator,
  agent: RunningAgent,
  folder: RunFolder,
  job: Job & { readonly cacheFolder: string; readonly control: ControlConnection },
  time: SweepTime,
): Promise<number> {
  const { control, promise, options } = job;
  const over = new AbortController();
  const interrupts = onInterrupt(
    'finishing the running trial',
    () => void agent.drain('interrupted').then(() => over.abort()),
    () => void agent.stopNow().then(() => over.abort()),
    { terminates: true },
  );
  try {
    const submitted = await control.submitSweep({
      document: job.document,
      modelsJson: JSON.stringify(job.models),
      submitter: userInfo().username,
      // Running the same command again is how people ask for another try.
      retryFailed: true,
      budgetSeconds: budgetOf(promise, time),
    });
    const { sweepId, measuredOtherwise } = submitted;
    for (const { complete } of measuredOtherwise) {
      const rows = complete === 1 ? 'row' : 'rows';
      say(
        `${complete} ${rows} of these points were measured in ${folder.path} under another \`measure\`: they are kept, and shown again when it is put back`,
      );
    }
    if (job.onRow !== null) void tellRows(control, sweepId, job.onRow, over.signal);
    // Without its log the run can keep nothing: it ends, and what is on disk already stays.
    const status = await Promise.race([
      watchSweep(control, sweepId, over.signal, (status) => expectSweep(promise, status, time)),
      coordinator.logFailed.then((reason) => {
        throw reason;
      }),
    ]);
    if (interrupts.stopped) {
      await leaveResults(folder, job, await collectResults(control, sweepId), options);
      say(
        `interrupted; the same command goes on where it was, and \`ridge report ${folder.path}\` shows what there is`,
      );
      return EXIT.interrupted;
    }
    // Nothing runs any more: who ends the command now ends it at once, and the next one writes its report.
    interrupts.close();
    expectReport(promise, time);
    const records = await collectResults(control, sweepId);
    if (job.sweep.quality !== null) await sayAskedAgain(control, submitted);
    await leaveResults(folder, job, records, options);
    const leaving = leaveReport(folder, job.sweep, records, coordinator, options);
    const report = await saying(process.stderr, 'writing the report', leaving);
    const format = chosenFormat(options);
    printRendered(await renderReport(report, format), format);
    say(`\n${join(folder.path, FILES.page)}  ${join(folder.path, FILES.results)}`);
    if (!interrupts.interrupted) {
      folder.end();
      sayGrades(status, TRY_AGAIN, { explained: format === 'table', marked: report.counts.disturbed });
      return exitCodeOf(status);
    }
    say('interrupted; the same command goes on where it was');
    return EXIT.interrupted;
  } finally {
    over.abort();
    interrupts.close();
  }
}

/**
 * Tells results as they come, until the run is over; whatever ends it earlier ends the run, too, which says
 * why.
 */
async function tellRows(
  control: ControlConnection,
  sweepId: string,
  onRow: (record: ResultRecord) => void,
  signal: AbortSignal,
): Promise<void> {
  const detail = RecordDetail.RECORD_DETAIL_ROW;
  const query = { sweepId, follow: true, allTrials: false, detail };
  try {
    for await (const { recordJson } of control.streamResults(query, signal)) {
      if (!signal.aborted) onRow(parseStoredRecord(recordJson));
    }
  } catch (error) {
    if (!signal.aborted) say(`rows are not shown as they come: ${(error as Error).message}`);
  }
}

/** Leaves the records in the folder, whole or not at all, with what they refer to. */
async function leaveResults(
  folder: RunFolder,
  { sweep, cacheFolder }: Pick<Job, 'sweep'> & { readonly cacheFolder: string },
  records: readonly ResultRecord[],
  { columns }: RunOptions,
): Promise<void> {
  writeRecords(folder.path, records, { ...requestOf(sweep), columns: columns ?? null });
  await leaveAnswers(folder.path, records, cacheFolder);
}

/** Leaves the report in the folder, whole or not at all. */
async function leaveReport(
  folder: RunFolder,
  sweep: Sweep,
  records: readonly ResultRecord[],
  coordinator: RunningCoordinator,
  { columns }: RunOptions,
): Promise<Report> {
  const report = buildReport(records, { ...requestOf(sweep), columns: columns ?? null });
  writeWhole(join(folder.path, FILES.page), await renderReport(report, 'html'));
  // What promtool and node_exporter's textfile collector read is the older text, which has no exemplars.
  writeWhole(join(folder.path, FILES.metrics), plainText(await coordinator.families()));
  return report;
}
