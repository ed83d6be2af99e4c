import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Trials } from '../../../agent/door/trials.js';
import { refusal } from '../../../coordinator/scheduler/placement.js';
import type { Experiment, MeasurePolicy } from '../../../core/experiment/experiment.js';
import type { DeviceProfile } from '../../../core/experiment/node.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { identified } from '../../../core/sweep/expand.js';
import { optionProblem } from '../../../core/sweep/stated.js';
import { buildSwitch, GET_BUILD } from '../../../engines/door.js';
import { buildReport } from '../../../report/build.js';
import type { Row } from '../../../report/rows.js';
import { usageError } from '../../exit.js';
import { readRun, writeRecords } from '../../report/run-folder.js';

/** Of one start; what is not timed is not asked again. */
const START: Partial<MeasurePolicy> = { maxSeconds: 0.4, energyWindows: 0, profile: 'off' };
const MOST_WARMUPS = 2;
const LEAST_REPEATS = 2;

/** What one side is measured again by, and what came of it so far. */
export interface AgainSide {
  readonly name: 'a' | 'b';
  /** The row that it was. */
  readonly before: Row;
  readonly experiment: Experiment;
  readonly device: DeviceProfile;
  readonly folder: string;
  /**
   * Has trials take the build of the engine that the row was measured with, as far as it is here.
   * @returns what puts the one before back.
   */
  readonly takeBuild: () => () => void;
  records: ResultRecord[];
}

/** @returns an experiment as it is measured again: the same point, in short starts, on this machine. */
function shortened({ id: _, ...content }: Experiment): Experiment {
  const { measure } = content;
  return identified({
    ...content,
    measure: {
      ...measure,
      ...START,
      minRepeats: Math.min(measure.minRepeats, LEAST_REPEATS),
      maxWarmups: Math.min(measure.maxWarmups, MOST_WARMUPS),
    },
    quality: null,
    node: null,
  });
}

/**
 * Opens one side of a row that is measured again, with the starts that its folder has already.
 * @param fresh forget these.
 * @throws CommandError (2) where this machine cannot run it.
 */
export async function openSide(
  name: AgainSide['name'],
  before: Row,
  { node, folder, fresh }: { readonly node: Trials; readonly folder: string; readonly fresh: boolean },
): Promise<AgainSide> {
  const experiment = shortened(before.experiment);
  const problem = optionProblem(experiment);
  if (problem !== null)
    throw usageError(
      `${before.label} of ${name.toUpperCase()} is not measured again: ${problem}`,
      'Its record is of another release, or was made to mislead.',
    );
  const { devices } = node.profile;
  const own = devices.filter(({ id }) => id === before.trial.device.id);
  const reasons: string[] = [];
  const device = [...own, ...devices].find((one) => {
    const why = refusal(experiment, node.profile, one, null);
    if (why !== null) reasons.push(why);
    return why === null;
  });
  if (device === undefined) {
    throw usageError(
      `${before.label} of ${name.toUpperCase()} cannot be measured again here: it ${reasons[0] ?? 'has no device'}`,
      '--config names the configuration that it was measured with.',
    );
  }
  const place = join(folder, name);
  if (fresh) rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  const { engineBuild } = before.trial.environment;
  const takeBuild = await buildSwitch(typeof engineBuild === 'string' ? engineBuild : null);
  const records = await storedIn(place);
  return { name, before, experiment, device, folder: place, takeBuild, records };
}

async function storedIn(folder: string): Promise<ResultRecord[]> {
  try {
    return [...readRun(folder).records];
  } catch {
    // Nothing was measured there yet.
    return [];
  }
}

/** Begins the next start of a side. @param block number of the turn that it is part of. */
export function beginStart(
  side: AgainSide,
  node: Trials,
  sweep: SweepName,
  block: number,
): ReturnType<Trials['start']> {
  const { experiment, device, before } = side;
  const { otherIds } = before.trial.device;
  const putBack = side.takeBuild();
  const trial = node.start({
    trialId: `t.${sweep.id}.${side.name}.${block}`,
    sweepId: sweep.id,
    sweepName: sweep.name,
    position: side.name === 'a' ? 0 : 1,
    block,
    purpose: 'measure',
    attempt: 1,
    start: side.records.length + 1,
    deviceId: device.id,
    ...(otherIds !== undefined && { otherDeviceIds: otherIds }),
    experiment,
    leaseSeconds: 0,
  });
  return { ...trial, done: trial.done.finally(putBack) };
}

/** Names all starts of both sides: they are of one sitting. */
export interface SweepName {
  readonly id: string;
  readonly name: string;
}

/**
 * Keeps a start on disk.
 * @throws CommandError (2) where it is of another engine than the row: then nothing was measured again.
 */
export function keepStart(side: AgainSide, record: ResultRecord): void {
  if (record.status === 'complete') requireSameEngine(side, record);
  side.records = [...side.records, record];
  writeRecords(side.folder, side.records, { sweepName: record.sweep.name, objectives: [] });
}

function requireSameEngine({ name, before }: AgainSide, { environment }: ResultRecord): void {
  const [was, is] = [before.trial.environment, environment];
  const isSame =
    was.engine === is.engine &&
    (was.engineBuild == null || is.engineBuild == null || was.engineBuild === is.engineBuild);
  if (isSame) return;
  const engineName = ({ engine, engineBuild }: ResultRecord['environment']) =>
    `${engine ?? 'an engine without a name'}${engineBuild == null ? '' : ` (build ${engineBuild})`}`;
  throw usageError(
    `${name.toUpperCase()} was measured with ${engineName(was)}, which is no longer on this machine: what is here is ${engineName(is)}`,
    GET_BUILD,
  );
}

/** @returns the row that the starts of a side make together; null without any. */
export function rowOf({ records, before }: AgainSide): Row | null {
  const { rows } = buildReport(records, { sweepName: before.trial.sweep.name, objectives: [] });
  return rows[0] ?? null;
}

/** @returns how long a trial took, all around its repeats included. */
export function secondsOfTrial({ startedAt, endedAt }: ResultRecord): number {
  return (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
}
