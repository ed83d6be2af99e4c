import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Fact, Log } from '../../coordinator/log/log.js';
import { openLog } from '../../coordinator/log/open.js';
import { FailureError } from '../../core/errors.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { minuteOf } from '../../core/minute.js';
import type { ResultRecord } from '../../core/result/result.js';
import { type Warning, warn } from '../../core/result/warnings.js';
import { experimentAt } from '../../core/sweep/expand.js';
import { planSpace } from '../../core/sweep/space.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { isBuildThatRuns } from '../../engines/door.js';
import { usageError } from '../exit.js';
import { say } from '../output/print.js';
import { DEFAULT_OUT, runFolders } from '../report/run-folder.js';
import { LOG, type RunFolder } from './folder.js';

/** Points of a sweep whose experiments are looked for; of more, their ids alone would take long. */
const MOST_POINTS = 50_000;

/**
 * Takes over what other runs on this machine measured of these experiments: their trials are appended to the
 * log of this run, with the sweeps that they belong to, and the scheduler reuses them as it does those of
 * earlier sweeps of its own. Of folders in ridge-out and beside this one.
 * @throws CommandError (2) for a sweep of too many points.
 */
export async function takeOver(folder: RunFolder, sweep: Sweep, node: NodeProfile): Promise<void> {
  const space = planSpace(sweep);
  if (space.count > MOST_POINTS)
    throw usageError(`--reuse looks at ${MOST_POINTS.toLocaleString('en')} points at most`, 'Leave it out.');
  const at = sweep.placement.perNode ? node.name : null;
  const ids = new Set(Array.from({ length: space.count }, (_, i) => experimentAt(space, i, at).id));
  const others = new Set(
    [DEFAULT_OUT, dirname(resolve(folder.path))]
      .flatMap((place) => runFolders(place, [LOG]))
      .map((path) => resolve(path)),
  );
  others.delete(resolve(folder.path));
  const log = await openLog({ kind: 'sqlite', path: folder.log, maxBytes: null });
  try {
    for (const other of others) await takeOverFrom(other, log, ids, node);
  } finally {
    await log.close();
  }
}

async function takeOverFrom(
  other: string,
  log: Log,
  ids: ReadonlySet<string>,
  node: NodeProfile,
): Promise<void> {
  try {
    const { sweeps, records } = await measuredIn(other, ids, node);
    const known = await namesIn(log);
    const taken = records.filter(({ trialId }) => !known.has(trialId));
    if (taken.length === 0) return;
    const named = new Set(taken.map((record) => record.sweep.id));
    const facts = [...sweeps.values()]
      .filter(({ sweepId }) => named.has(sweepId) && !known.has(sweepId))
      // Nothing more of it is to be measured here.
      .flatMap((submitted): Fact[] => [submitted, cancelled(submitted, other)]);
    await log.append(
      [...facts, ...taken.map((record): Fact => ({ fact: 'ResultRecorded', record: reused(record, other) }))],
      await log.end(),
    );
    const experiments = new Set(taken.map(({ experimentId }) => experimentId)).size;
    say(`reused: ${taken.length} starts of ${experiments} experiments, measured in ${other}`);
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    say(`${other} is not looked at: ${error.message}`);
  }
}

type Submitted = Extract<Fact, { fact: 'SweepSubmitted' }>;

const cancelled = ({ sweepId, at }: Submitted, other: string): Fact => ({
  fact: 'SweepCancelled',
  sweepId,
  reason: `its results were taken over from ${other}`,
  at,
});

/** What another folder has of these experiments, measured on this machine by engines that are here still. */
async function measuredIn(other: string, ids: ReadonlySet<string>, node: NodeProfile) {
  const path = resolve(other, LOG);
  const sweeps = new Map<string, Submitted>();
  const records: ResultRecord[] = [];
  // A log is made where there is none.
  if (!existsSync(path)) return { sweeps, records };
  const wouldRun = askedOnce(isBuildThatRuns);
  const log = await openLog({ kind: 'sqlite', path, maxBytes: null });
  try {
    for await (const entry of log.read(0, 'full')) {
      const { head } = entry;
      if (head.fact === 'SweepSubmitted') sweeps.set(head.sweepId, head);
      if (head.fact !== 'ResultRecorded') continue;
      const { sweep, status, experimentId, environment } = head.record;
      if (sweep.purpose !== 'measure' || status !== 'complete' || !ids.has(experimentId)) continue;
      const { fact } = entry;
      if (fact.fact !== 'ResultRecorded' || !isOf(fact.record, node)) continue;
      const { engineBuild } = environment;
      // An engine without files of its own, such as a server, has none.
      if (typeof engineBuild !== 'string' || (await wouldRun(engineBuild))) records.push(fact.record);
    }
  } finally {
    await log.close();
  }
  return { sweeps, records };
}

function askedOnce<T>(ask: (question: string) => Promise<T>): (question: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (question) => {
    const answer = known.get(question) ?? ask(question);
    known.set(question, answer);
    return answer;
  };
}

function isOf({ node: { name, hostname, cpuModel } }: ResultRecord, node: NodeProfile): boolean {
  return name === node.name && hostname === node.hostname && cpuModel === node.cpuModel;
}

/** Ids of the sweeps and trials that a log has. */
async function namesIn(log: Log): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const { head } of log.read(0, 'head')) {
    if (head.fact === 'SweepSubmitted') names.add(head.sweepId);
    if (head.fact === 'ResultRecorded') names.add(head.record.trialId);
  }
  return names;
}

/** The record as it was, and where it comes from, which stays when it is judged again. */
function reused(record: ResultRecord, other: string): ResultRecord {
  const isNoted = record.warnings.some(({ code }) => code === 'reused');
  if (isNoted) return record;
  const note = warn('reused', `measured in ${other} on ${minuteOf(record.startedAt)}`);
  const noted = (warnings: readonly Warning[]) => [...warnings, note];
  const { given } = record;
  return {
    ...record,
    warnings: noted(record.warnings),
    ...(given === undefined ? {} : { given: { ...given, warnings: noted(given.warnings) } }),
  };
}
