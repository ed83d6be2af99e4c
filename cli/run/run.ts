import { userInfo } from 'node:os';
import { join } from 'node:path';
import { loadAgentConfig } from '../../agent/config.js';
import { type RunningAgent, startAgent } from '../../agent/main.js';
import { type RunningCoordinator, startCoordinator } from '../../coordinator/main.js';
import type { ModelRef } from '../../core/experiment/experiment.js';
import { plainText } from '../../core/metrics/text.js';
import type { ResultRecord } from '../../core/result/result.js';
import { planSpace } from '../../core/sweep/space.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { connectControl } from '../../proto/client.js';
import { parseStoredRecord } from '../../proto/convert.js';
import { RecordDetail } from '../../proto/gen/ridgepoint/v1/control.js';
import { buildReport } from '../../report/build.js';
import type { ColumnChoice } from '../../report/column-sets.js';
import type { Report } from '../../report/report.js';
import { duration } from '../../report/time-left.js';
import { energyChoice } from '../agent/agent.js';
import { askToFetch } from '../ask-to-fetch.js';
import { checkEvaluation } from '../check-evaluation.js';
import { EXIT } from '../exit.js';
import { askedOfFactors } from '../factors/asked.js';
import { fitMissing } from '../factors/factors.js';
import { onInterrupt, unlessTerminated } from '../interrupts.js';
import { localModelFolders, modelSettings, resolveModels } from '../local-models.js';
import { agentConfig, nodeConfig, runnersFor, sharedOverrides } from '../node-config.js';
import { chosenFormat } from '../options/display.js';
import { printData, say } from '../output/print.js';
import { timeEstimator } from '../plan/estimate.js';
import { budgetOf, requirePoints } from '../plan/plan.js';
import { type SweepTime, sweepTime } from '../plan/sweep-time.js';
import { renderReport } from '../report/render.js';
import { DEFAULT_OUT, FILES, requestOf, writeRecords, writeWhole } from '../report/run-folder.js';
import { collectResults } from '../results/results.js';
import { measureMissing } from '../roofs/roofs.js';
import { saying } from '../single/step-progress.js';
import { startError } from '../start-error.js';
import { readyToRun, type SweepFile, strictly } from '../sweep-file.js';
import { type ThisNode, thisNode } from '../this-node.js';
import { exitCodeOf, sayGrades, watchSweep } from '../watch/watch.js';
import type { RunOptions } from './command.js';
import { folderError, openRunFolder, type RunFolder } from './folder.js';
import { leaveAnswers } from './leave-answers.js';
import { promiseRun } from './promise.js';
import { preparePush } from './push.js';

/** Roofs and factors of a first run together, whatever else runs on the machine; what comes behind the last bench is left some of it. */
const FIRST_RUN_SECONDS = 25;
const FIRST_SECONDS = FIRST_RUN_SECONDS - 4;
/** Few benches are better than none. */
const LEAST_FIT_SECONDS = 4;

/**
 * `ridge run`: a coordinator and an agent in this process, talking over loopback gRPC exactly as they do
 * between machines, for one sweep.
 * @returns 0 when every experiment has a valid result, 1 when some failed, 4 when some are invalid, 130 when it was interrupted.
 */
export async function runSweep(
  asked: SweepFile,
  typed: RunOptions,
  onRow: Job['onRow'] = null,
): Promise<number> {
  const began = performance.now();
  const file = typed.strict === true ? strictly(asked) : asked;
  const { path, sweep: written } = file;
  const options = await askToFetch(typed, written);
  const node = nodeConfig(options);
  const settings = modelSettings(localModelFolders(path, written, options.models), node);
  const folders = settings.modelFolders;
  await checkEvaluation(written, settings, node.scorers);
  const models = await resolveModels(written, settings);
  const { document, sweep } = readyToRun(file, models, options.quick === true);
  const space = planSpace(sweep);
  requirePoints(sweep, space);
  const here = devicesOf(sweep, await thisNode(options.config));
  const timeOf = async () => sweepTime(sweep, space, await timeEstimator(here, folders));
  // The same word of the environment keeps a node's agent from measuring them.
  if (options.roofs && (process.env.RIDGE_ROOFS ?? 'auto') === 'auto') {
    const asked = askedOfFactors(sweep, folders);
    if ((await timeOf()).how === null) sayFirst(budgetOf(sweep, space.count));
    const ended = await unlessTerminated(async (signal) => {
      const begun = performance.now();
      await measureMissing(here, signal);
      const left = FIRST_SECONDS - (performance.now() - begun) / 1000;
      if (asked !== null) await fitMissing(here, asked, Math.max(LEAST_FIT_SECONDS, left), signal);
    });
    if (ended) return EXIT.interrupted;
  }

  const out = options.out ?? join(DEFAULT_OUT, sweep.name);
  const folder = openRunFolder(out, { document, typed: file.typed }, options.fresh === true);
  try {
    if (options.reuse === true) {
      const { takeOver } = await import('./take-over.js');
      await takeOver(folder, sweep, (await thisNode(options.config)).profile);
    }
    const time = await timeOf();
    return await runIn(folder, { document, sweep, models, folders, time, began, onRow }, options);
  } catch (error) {
    throw folderError(startError(error), folder.path);
  } finally {
    folder.release();
  }
}

/** @param seconds of all starts where repeats are short; null where nothing bounds them. */
function sayFirst(seconds: number | null): void {
  const all =
    seconds === null ? '' : `about ${duration(FIRST_RUN_SECONDS + seconds)} in all where a repeat is short: `;
  say(
    `${all}first the roofs and factors of this machine, ${FIRST_RUN_SECONDS} s at most, which tell how long the rest takes`,
  );
}

/** @returns this machine with the devices alone that a sweep asks for. */
function devicesOf({ placement }: Sweep, { profile, ...node }: ThisNode): ThisNode {
  const devices = profile.devices.filter(({ classes }) =>
    classes.some((name) => placement.devices.includes(name)),
  );
  return { ...node, profile: { ...profile, devices } };
}

/** What to do about invalid rows of a run. */
const TRY_AGAIN = 'The same command again measures only these.';

interface Job {
  readonly document: string;
  readonly sweep: Sweep;
  readonly models: readonly ModelRef[];
  readonly folders: readonly string[];
  readonly time: SweepTime;
  /** When the command began, on the clock of `performance`. */
  readonly began: number;
  /** Is told each result that counts as it comes. */
  readonly onRow: ((record: ResultRecord) => void) | null;
}

async function runIn(folder: RunFolder, job: Job, options: RunOptions): Promise<number> {
  const push = preparePush(options);
  const coordinator = await startCoordinator({
    grpcAddress: '127.0.0.1:0',
    metricsAddress: options.metrics ?? null,
    webAddress: options.web ?? null,
    log: { kind: 'sqlite', path: folder.log },
    // This process is the whole fleet: what does not fit here never will.
    fixedFleet: true,
    logLevel: process.env.RIDGE_DEBUG ? 'debug' : 'silent',
  });
  let agent: RunningAgent | null = null;
  try {
    if (coordinator.metricsUrl !== null) say(`metrics at ${coordinator.metricsUrl}`);
    if (coordinator.webUrl !== null) say(`web view at ${coordinator.webUrl}`);
    const config = embeddedAgentConfig(coordinator, folder, job, options);
    const starting = startAgent(config);
    agent = await saying(process.stderr, 'looking at what this machine has', starting);
    push.start(coordinator, agent);
    return await drive(coordinator, agent, folder, { ...job, cacheFolder: config.cacheFolder }, options);
  } catch (error) {
    // What runs could not be kept, so nobody waits for it.
    await agent?.stopNow();
    throw error;
  } finally {
    await push.stop();
    await agent?.stop();
    await coordinator.stop('the run is over');
  }
}

function embeddedAgentConfig(
  coordinator: RunningCoordinator,
  folder: RunFolder,
  job: Job,
  options: RunOptions,
): ReturnType<typeof loadAgentConfig> {
  const { XDG_CACHE_HOME, XDG_STATE_HOME, RIDGE_STATE_FOLDER } = process.env;
  const shared = sharedOverrides(options);
  return loadAgentConfig({
    // Settings meant for a node's own agent must not leak into a run that is complete in itself.
    env: { XDG_CACHE_HOME },
    overrides: {
      ...shared,
      coordinator: coordinator.grpcAddress,
      modelFolders: [...job.folders],
      stateFolder: folder.agent,
      runners: runnersFor(job.sweep.runners.map(({ kind }) => kind)),
      // Those that were measured before the run, by this machine's own agent or by `ridge roofs`.
      roofs: 'stored',
      roofsFolder: agentConfig(options.config, { XDG_STATE_HOME, RIDGE_STATE_FOLDER }).roofsFolder,
      // How and where to measure is the node's to say; what is measured was said on the command line.
      meters: { ...shared.meters, ...energyChoice(options.energy) },
      logLevel: process.env.RIDGE_DEBUG ? 'debug' : 'silent',
    },
  });
}

async function drive(
  coordinator: RunningCoordinator,
  agent: RunningAgent,
  folder: RunFolder,
  job: Job & { readonly cacheFolder: string },
  options: RunOptions,
): Promise<number> {
  const control = connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });
  const over = new AbortController();
  const interrupts = onInterrupt(
    'finishing the running trial',
    () => void agent.drain('interrupted').then(() => over.abort()),
    () => void agent.stopNow().then(() => over.abort()),
  );
  try {
    const { sweepId, measuredOtherwise } = await control.submitSweep({
      document: job.document,
      modelsJson: JSON.stringify(job.models),
      submitter: userInfo().username,
      // Running the same command again is how people ask for another try.
      retryFailed: true,
      budgetSeconds: await promiseRun(control, job.sweep, job.time, (performance.now() - job.began) / 1000),
    });
    for (const { complete } of measuredOtherwise) {
      const rows = complete === 1 ? 'row' : 'rows';
      say(
        `${complete} ${rows} of these points were measured in ${folder.path} under another \`measure\`: they are kept, and shown again when it is put back`,
      );
    }
    if (job.onRow !== null) void tellRows(control, sweepId, job.onRow, over.signal);
    // Without its log the run can keep nothing: it ends, and what is on disk already stays.
    const status = await Promise.race([
      watchSweep(control, sweepId, over.signal),
      coordinator.logFailed.then((reason) => {
        throw reason;
      }),
    ]);
    const records = await collectResults(control, sweepId);
    await leaveAnswers(folder.path, records, job.cacheFolder);
    const leaving = leave(folder, job.sweep, records, coordinator, options.columns ?? null);
    const report = await saying(process.stderr, 'writing the report', leaving);
    const format = chosenFormat(options);
    printData(await renderReport(report, format));
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
    control.close();
  }
}

/** Tells results as they come, until the run is over; whatever ends it earlier ends the run, too, which says why. */
async function tellRows(
  control: ReturnType<typeof connectControl>,
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

/** Leaves the report and the records in the folder, whole or not at all. */
async function leave(
  folder: RunFolder,
  sweep: Sweep,
  records: readonly ResultRecord[],
  coordinator: RunningCoordinator,
  columns: ColumnChoice | null,
): Promise<Report> {
  const request = { ...requestOf(sweep), columns };
  const report = buildReport(records, request);
  writeRecords(folder.path, records, request);
  writeWhole(join(folder.path, FILES.page), await renderReport(report, 'html'));
  // What promtool and node_exporter's textfile collector read is the older text, which has no exemplars.
  writeWhole(join(folder.path, FILES.metrics), plainText(await coordinator.families()));
  return report;
}
