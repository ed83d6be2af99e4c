import { FEW_EXPERIMENTS } from '../../coordinator/scheduler/block-allocator.js';
import type { Experiment, ModelRef } from '../../core/experiment/experiment.js';
import { formatValue } from '../../core/metrics/format.js';
import { predictedBytes } from '../../core/runners/index.js';
import { experimentAt } from '../../core/sweep/expand.js';
import { axisValues, labelsIn } from '../../core/sweep/labels.js';
import { planSpace, type Space } from '../../core/sweep/space.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { duration } from '../../report/time-left.js';
import { askToFetch } from '../ask-to-fetch.js';
import { checkEvaluation } from '../check-evaluation.js';
import { EXIT, usageError } from '../exit.js';
import { localModelFolders, lookedAt, modelSettings, resolveModels } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { fitted, openSweep } from '../sweep-file.js';
import { thisNode } from '../this-node.js';
import { fileWarnings } from './check-files.js';
import type { PlanOptions } from './command.js';
import { SECONDS_AROUND_A_TRIAL, type TimeEstimator, type TrialTime, timeEstimator } from './estimate.js';
import { filesLine, filesTable, plannedFiles } from './files.js';
import { noiseLine, type PlannedNoise, plannedNoise } from './noise.js';
import { fleet, hereAlone, placementWarnings } from './places.js';
import { plannedServers, serversText } from './servers.js';
import { promiseText, type SweepTime, startsOf, sweepTime } from './sweep-time.js';
import type { PlanWarning } from './warning.js';

/** Most experiments that are held against devices, and looked at for files; of larger sweeps, as many evenly spread ones. */
const MOST_CHECKED = 2000;

interface PlannedRow {
  readonly position: number;
  readonly id: string;
  readonly axes: Readonly<Record<string, unknown>>;
  readonly label: string;
  /** null when the model's header is not known. */
  readonly memoryBytes: number | null;
  /** Of one trial; null with the reason beside it. */
  readonly trial: TrialTime | null;
  readonly trialAbsent: string | null;
}

/**
 * `ridge plan`: what a sweep would do, without doing any of it.
 * @returns 0; the code of usage errors where it was held against this machine and names files that are not here, as `ridge run` would
 *   end with; a code of its own where nothing of it can run on the machines it was held against.
 */
export async function printPlan(file: string, typed: PlanOptions): Promise<number> {
  const written = openSweep(file);
  const options = await askToFetch(typed, written.sweep);
  const node = nodeConfig(options);
  const settings = modelSettings(localModelFolders(file, written.sweep, options.models), node);
  const warnings: PlanWarning[] = [];
  const missing = (message: string) => {
    say(message);
    warnings.push({ code: 'model-missing', message, experiments: 0, blocks: false });
  };
  await checkEvaluation(written.sweep, settings, node.scorers, (why) =>
    missing(`quality: ${why}; it is not checked`),
  );
  const models = await resolveModels(
    written.sweep,
    settings,
    (model: ModelRef, why: string) =>
      missing(`${model.name}: ${why}; its context length and memory are not checked`),
    lookedAt,
  );
  const { sweep } = fitted({ ...written, sweep: { ...written.sweep, models } });
  const space = planSpace(sweep);
  const here = await thisNode(options.config);
  const places = options.fleet === true ? await fleet(options) : await hereAlone(sweep, here);
  const checked = spread(space.count, MOST_CHECKED).map((position) => experimentAt(space, position));
  const placement = placementWarnings(checked, places);
  const files = await fileWarnings(checked, settings);
  warnings.push(...placement.warnings, ...files.warnings);
  const runnable = checked.filter(({ id }) => !placement.unplaced.has(id) && !files.broken.has(id)).length;

  const estimator = await timeEstimator(here, settings.modelFolders);
  const time = sweepTime(sweep, space, estimator);
  const noise = options.fleet === true ? null : await plannedNoise(sweep, here);
  const labelOf = labelsIn(sweep);
  const rows = Array.from({ length: Math.min(options.limit, space.count) }, (_, position) =>
    plannedRow(experimentAt(space, position), position, labelOf, estimator),
  );
  const toMake = plannedFiles(space);
  const servers = plannedServers(checked, here.engines.servers, here.profile, settings);
  // What does not block is what is not here: of a fleet, a node may have it.
  const missingHere = options.fleet !== true && warnings.some(({ blocks }) => !blocks);
  const exitCode = missingHere ? EXIT.usage : runnable === 0 ? EXIT.nothingRuns : EXIT.ok;
  if (options.json === true) {
    printJson({
      name: sweep.name,
      points: space.count,
      excluded: space.excluded,
      duplicates: space.duplicates,
      impossible: space.impossible,
      unchecked: space.unchecked,
      budgetSeconds: budgetOf(sweep, space.count),
      time,
      noise,
      checked: checked.length,
      runnable,
      warnings,
      files: toMake,
      servers,
      rows,
    });
    return exitCode;
  }
  printData(summary(sweep, space, time, noise, filesLine(toMake, space.count)));
  for (const warning of warnings.filter(({ experiments }) => experiments > 0))
    printData(warningLine(warning, checked.length, space.count));
  if (space.count > 0 && runnable === 0) printData(`  nothing of it can run on ${places.name}`);
  if (toMake !== null && toMake.length > 0) {
    printData('');
    printData(filesTable(toMake, options.limit));
  }
  if (servers.length > 0) {
    printData('');
    printData(serversText(servers, options.limit));
  }
  if (rows.length > 0) {
    printData('');
    const served = rows.some(({ trial }) => trial?.served !== undefined);
    const seconds = (value: number | null | undefined) => (value == null ? null : formatValue(value, 's'));
    printData(
      plainTable(
        ['position', 'experiment', 'memory', 'trial', ...(served ? ['TTFT', 'TPOT'] : []), 'point'],
        rows.map(({ position, id, memoryBytes, trial, label }) => [
          position,
          id,
          memoryBytes === null ? null : formatValue(memoryBytes, 'B'),
          trial === null ? null : span(trial),
          ...(served
            ? [seconds(trial?.served?.firstTokenSeconds), seconds(trial?.served?.perTokenSeconds)]
            : []),
          label,
        ]),
      ),
    );
  }
  const more = space.count - rows.length;
  if (more > 0) say(`${more.toLocaleString('en')} more; --limit shows them`);
  if (missingHere)
    say('it cannot run here before what is missing is; --fleet asks the nodes of a coordinator');
  return exitCode;
}

/** @returns at most so many positions of 0 … count - 1, evenly spread, the first among them. */
function spread(count: number, most: number): number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, i) => Math.floor((i * count) / taken));
}

/**
 * @throws CommandError (2) when no point can run: then there is nothing to start.
 */
export function requirePoints(sweep: Sweep, space: Space): void {
  if (space.count > 0) return;
  const reasons = space.impossible.map(({ reason, count }) => `${count} points: ${reason}`);
  const excluded = space.excluded > 0 ? [`${space.excluded} points: left out by exclude`] : [];
  throw usageError(
    `no point of ${sweep.name} can run\n${[...reasons, ...excluded].join('\n')}`,
    '`ridge plan FILE` shows what a sweep would do.',
  );
}

function plannedRow(
  experiment: Experiment,
  position: number,
  labelOf: (experiment: Experiment) => string,
  { estimate }: TimeEstimator,
): PlannedRow {
  const { facts } = experiment.model;
  const trial = estimate(experiment);
  return {
    position,
    id: experiment.id,
    axes: axisValues(experiment),
    label: labelOf(experiment),
    memoryBytes: facts === null ? null : predictedBytes({ facts, experiment }),
    trial: typeof trial === 'string' ? null : trial,
    trialAbsent: typeof trial === 'string' ? trial : null,
  };
}

/** What all starts take whose rounds are short; null without `maxSeconds`. */
export function budgetOf(sweep: Sweep, points: number): number | null {
  const { maxSeconds } = sweep.measure;
  return maxSeconds === null ? null : startsOf(sweep, points) * (1.5 * maxSeconds + SECONDS_AROUND_A_TRIAL);
}

const number = (n: number): string => n.toLocaleString('en');

/** `2 min to 6 min`, or `45 s` where both are the same. */
function span({ least, most }: { readonly least: number; readonly most: number }): string {
  const [from, to] = [duration(least), duration(most)];
  return from === to ? from : `${from} to ${to}`;
}

function warningLine({ message, experiments }: PlanWarning, checked: number, points: number): string {
  const of = checked < points ? ` of ${number(checked)} that were looked at` : ` of ${number(points)}`;
  return `  warning: ${number(experiments)}${of}: ${message}`;
}

function summary(
  sweep: Sweep,
  space: Space,
  time: SweepTime,
  noise: PlannedNoise | null,
  files: string | null,
): string {
  const lines = [`${sweep.name}: ${number(space.count)} experiments`];
  if (space.excluded > 0) lines.push(`  left out by exclude: ${number(space.excluded)}`);
  if (space.duplicates > 0) lines.push(`  written twice, measured once: ${number(space.duplicates)}`);
  for (const { reason, count } of space.impossible) lines.push(`  impossible: ${number(count)}: ${reason}`);
  for (const reason of space.unchecked) lines.push(`  not checked in advance: ${reason}`);
  lines.push(...timeLines(sweep, space, time));
  if (noise !== null) lines.push(noiseLine(noise));
  if (files !== null) lines.push(files);
  const { objectives, placement } = sweep;
  const controls = placement.driftControl && space.count > FEW_EXPERIMENTS;
  lines.push(`  objectives: ${objectives.map((o) => `${o.metric} ${o.better}`).join(', ')}`);
  lines.push(
    `  order: random (seed ${placement.seed}), in blocks of ${placement.blockSize}${controls ? ' between two drift controls' : ''}`,
  );
  return lines.join('\n');
}

function timeLines(sweep: Sweep, space: Space, time: SweepTime): string[] {
  const first =
    time.how === null
      ? '; roofs and factors of this machine, which a first run measures, take 25 s at most'
      : '';
  const unpromised =
    time.promiseAbsent === null ? [] : [`  no promise of how long it takes: ${time.promiseAbsent}`];
  if (time.promise !== null) {
    const { starts, filesSeconds, qualitySeconds } = time.promise;
    const parts = [
      `${number(starts)} starts`,
      ...(filesSeconds > 0 ? [`${duration(filesSeconds)} of making files`] : []),
      ...(qualitySeconds > 0 ? [`${duration(qualitySeconds)} of quality`] : []),
    ];
    return [`  time: ${promiseText(time.promise)} on one device (${parts.join(', ')}), by ${time.how}`];
  }
  const besides = sweep.quality === null ? 'making files comes' : 'making files and asking for quality come';
  if (time.seconds !== null) {
    const about = time.atLeast ? 'at least ' : 'about ';
    return [
      `  time: ${about}${span(time.seconds)} on one device, by ${time.how}; ${besides} on top`,
      ...unpromised,
    ];
  }
  const bound = budgetOf(sweep, space.count);
  return [
    bound === null
      ? '  time: no measure.maxSeconds, so each trial ends when its interval is narrow or at maxRepeats'
      : `  time: about ${duration(bound)} on one device where a round is short; ${besides} on top${first}`,
    ...(space.count === 0 ? [] : unpromised),
  ];
}
