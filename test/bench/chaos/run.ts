import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CoordinatorConfig, resolveConfig } from '../../../coordinator/config.js';
import type { Log } from '../../../coordinator/log/log.js';
import { openLog } from '../../../coordinator/log/open.js';
import { breakSentence, verifyLog } from '../../../coordinator/log/verify.js';
import { Projection } from '../../../coordinator/projection.js';
import { sweepStatus } from '../../../coordinator/scheduler/status.js';
import { connectControl } from '../../../proto/client.js';
import { until } from '../../support/services.js';
import { fakeSweep, submission } from '../../support/sweeps.js';
import { check, type Verdict } from './check.js';
import { clock } from './clock.js';
import { carryOut, faultsOf, kindsOf } from './faults.js';
import { addressOf, COORDINATORS, Fleet, LEASE_SECONDS } from './fleet.js';
import { Ground } from './ground.js';
import { operationsOf, pointOf, type Told, trialsOf } from './history.js';
import { STORE_DISK_BYTES, STORE_NAMES, type Store, type StoreKind, startStore } from './stores.js';

export interface ChaosOptions {
  readonly log: StoreKind;
  readonly seed: number;
  readonly experiments: number;
  readonly faults: number;
  readonly agents: number;
  /** Whether the bench runs in namespaces of its own. */
  readonly networks: boolean;
  /** For disks, journals, and the history with what the checker says of it. */
  readonly folder: string;
  readonly said: (sentence: string) => void;
}

export interface ChaosFigures {
  readonly missing: readonly string[];
  readonly faults: number;
  readonly seconds: number;
  readonly granted: number;
  readonly acknowledged: number;
  /** In the log, and those of them that measured a start again. */
  readonly recorded: number;
  readonly repeated: number;
  readonly terms: number;
  readonly refused: readonly string[];
  /** Acknowledged and not in the log, or an experiment that does not count anywhere. */
  readonly lost: readonly string[];
  readonly countedTwice: readonly string[];
  readonly verdicts: readonly Verdict[];
  /**
   * What `ridge log verify` says is wrong, and where a coordinator says something else than the log read
   * anew.
   */
  readonly damage: readonly string[];
  /** Coordinators and servers that ended though nobody had killed them. */
  readonly endings: readonly string[];
}

const AGENT_DISK_BYTES = 2 * 1024 ** 2;
/** A fault begins when its share of the work is done, or after so long. */
const MOST_GAP_SECONDS = 2.5;
const LEAST_GAP_SECONDS = 0.3;
/** When all is mended the fleet has this long to finish. */
const FINISH_SECONDS = 180;
/** Coordinators that stand by have read it all after so long. */
const LATE_SECONDS = 30;

/** One seed: a fleet works under faults, then all is mended, it finishes, and its history is checked. */
export async function chaos(options: ChaosOptions): Promise<ChaosFigures> {
  const { log: kind, agents, folder, networks, said } = options;
  const journals = join(folder, 'journals');
  mkdirSync(journals, { recursive: true });
  const disk = (name: string, diskBytes: number | null) => ({ name, diskBytes });
  const ground = new Ground(
    [
      ...COORDINATORS.map((name) => disk(name, null)),
      ...STORE_NAMES[kind].map((name) => disk(name, STORE_DISK_BYTES)),
      ...Array.from({ length: agents }, (_, index) => disk(`node${index}`, AGENT_DISK_BYTES)),
    ],
    folder,
    networks,
  );
  try {
    const store = await startStore(kind, ground);
    const fleet = new Fleet(ground, store.log, journals);
    fleet.start();
    return await underFaults(options, ground, store, fleet);
  } finally {
    await ground.stop();
    said('all is stopped');
  }
}

async function underFaults(
  options: ChaosOptions,
  ground: Ground,
  store: Store,
  fleet: Fleet,
): Promise<ChaosFigures> {
  const { seed, experiments, faults: count, agents, said } = options;
  const control = connectControl({ address: fleet.addresses, security: { kind: 'plaintext' } });
  await until('one leads', () => fleet.leader(), 60);
  const { sweepId } = await control.submitSweep(submission(fakeSweep(experiments)));
  const seen: { trialId: string; at: number }[] = [];
  const over = new AbortController();
  const watching = watch(fleet.addresses, sweepId, seen, over.signal);
  const begun = clock();
  const faults = faultsOf(seed, count, kindsOf(ground, store), {
    coordinator: COORDINATORS.length,
    store: store.servers.length,
    agent: agents,
  });
  const done: Promise<unknown>[] = [];
  for (const [index, fault] of faults.entries()) {
    const share = (0.95 * index * experiments) / count;
    const latest = clock() + MOST_GAP_SECONDS * 1e9;
    await sleep(1000 * LEAST_GAP_SECONDS);
    while (seen.length < share && clock() < latest) await sleep(50);
    const at = ((clock() - begun) / 1e9).toFixed(1);
    const what = carryOut(fault, { ground, store, fleet });
    done.push(what.then((sentence) => said(`${index + 1} at ${at} s (${seen.length}): ${sentence}`)));
  }
  await Promise.all(done);
  const faultSeconds = (clock() - begun) / 1e9;
  said(`all is mended after ${faultSeconds.toFixed(0)} s, ${seen.length} results; the fleet finishes`);
  for (const member of [...store.servers, ...fleet.coordinators, ...fleet.agents]) member.start();
  await store.ready();
  const unfinished = await until(
    'the sweep to finish',
    async () => {
      const [sweep] = (await control.listSweeps({ deadlineSeconds: 3 })).sweeps;
      const settled = sweep !== undefined && sweep.complete + sweep.failed + sweep.invalid === sweep.points;
      return settled && spooled(fleet) === 0 ? '' : null;
    },
    FINISH_SECONDS,
  ).catch((error: Error) => error.message);
  const seconds = (clock() - begun) / 1e9;
  if (unfinished !== '') said(`${unfinished}: ${spooled(fleet)} results are still spooled`);
  const log = await openLog(logOf(store.log), false);
  try {
    const told = await tell(log, fleet, sweepId, seen);
    over.abort();
    await watching;
    return { ...(await judge(options, log, told, fleet, store)), missing: ground.missing, seconds };
  } finally {
    over.abort();
    control.close();
    await log.close();
  }
}

const logOf = (log: NonNullable<CoordinatorConfig['log']>) => resolveConfig({ log }, 'the bench').log;

/** Results that agents have not had acknowledged. */
function spooled(fleet: Fleet): number {
  return fleet.agents
    .map(
      ({ place }) => readdirSync(join(place.disk, 'spool')).filter((name) => name.endsWith('.json')).length,
    )
    .reduce((sum, one) => sum + one, 0);
}

/** Follows results through whichever coordinator answers, as people do. */
async function watch(
  address: string,
  sweepId: string,
  seen: { trialId: string; at: number }[],
  signal: AbortSignal,
): Promise<void> {
  const control = connectControl({ address, security: { kind: 'plaintext' } });
  let after = 0;
  while (!signal.aborted) {
    try {
      const asked = { sweepId, follow: true, allTrials: true, after };
      for await (const { recordJson, position } of control.streamResults(asked, signal)) {
        after = position;
        seen.push({ trialId: (JSON.parse(recordJson) as { trialId: string }).trialId, at: clock() });
      }
    } catch {
      await sleep(200);
    }
  }
  control.close();
}

async function tell(log: Log, fleet: Fleet, sweepId: string, seen: Told['seen']): Promise<Told> {
  const results: Told['log'][number][] = [];
  for await (const { head, position } of log.read(0, 'head'))
    if (head.fact === 'ResultRecorded') results.push({ record: head.record, position });
  const reads: Told['reads'][number][] = [];
  const points = new Set(results.map(({ record }) => pointOf(record.sweep))).size;
  for (const { place } of fleet.coordinators) {
    const address = addressOf(place);
    let read: Told['reads'][number] | null = null;
    await until(
      `${place.name} to have read the log`,
      async () => {
        const trials = (await resultsOf(address, sweepId, true)).map(({ trialId }) => trialId);
        const counted = new Map<string, string[]>();
        for (const { trialId, sweep } of await resultsOf(address, sweepId, false))
          counted.set(pointOf(sweep), [...(counted.get(pointOf(sweep)) ?? []), trialId]);
        read = { address, at: clock(), trials, counted };
        // Whoever stands by may come after; it has to come.
        return trials.length >= points && counted.size >= points ? true : null;
      },
      LATE_SECONDS,
    ).catch(() => undefined);
    reads.push(read ?? { address, at: clock(), trials: [], counted: new Map() });
  }
  return { journal: fleet.journal(), took: fleet.took, log: results, seen, reads };
}

/** @returns what one coordinator itself says, whether it leads or not. */
async function resultsOf(
  address: string,
  sweepId: string,
  allTrials: boolean,
): Promise<{ trialId: string; sweep: { id: string; position: number; start?: number } }[]> {
  const control = connectControl({ address, security: { kind: 'plaintext' } });
  const results = [];
  try {
    for await (const { recordJson } of control.streamResults({ sweepId, follow: false, allTrials }))
      results.push(JSON.parse(recordJson));
    return results;
  } finally {
    control.close();
  }
}

async function judge(
  { experiments, folder, faults }: ChaosOptions,
  log: Log,
  told: Told,
  fleet: Fleet,
  store: Store,
): Promise<Omit<ChaosFigures, 'missing' | 'seconds'>> {
  const trials = [...trialsOf(told.journal).values()];
  const acknowledged = trials.filter((trial) => trial.acknowledged !== null);
  const inLog = new Set(told.log.map(({ record }) => record.trialId));
  const points = new Set(told.log.map(({ record }) => pointOf(record.sweep)));
  const lost = acknowledged.filter(({ trialId }) => !inLog.has(trialId)).map(({ trialId }) => trialId);
  const countedTwice: string[] = [];
  for (const { address, counted } of told.reads) {
    if (counted.size < experiments) lost.push(`${experiments - counted.size} experiments at ${address}`);
    for (const [point, ids] of counted) if (ids.length > 1) countedTwice.push(`${point} at ${address}`);
  }
  writeFileSync(join(folder, 'took.json'), JSON.stringify(fleet.took));
  const refused = told.journal.filter(({ what }) => what === 'refused');
  return {
    faults,
    granted: trials.length,
    acknowledged: acknowledged.length,
    lost,
    countedTwice,
    recorded: told.log.length,
    repeated: told.log.length - points.size,
    terms: fleet.took.length,
    refused: refused.map(({ trialId, reason }) => `${trialId}: ${reason}`),
    verdicts: check(operationsOf(told), folder),
    damage: await damageOf(log, told),
    endings: [...fleet.coordinators, ...store.servers].flatMap(({ place, endings }) =>
      endings.map((ending) => `${place.name}: ${ending}`),
    ),
  };
}

/**
 * Checks the log itself, and what every coordinator says against the state that the log gives when it is read
 * anew.
 */
async function damageOf(log: Log, { reads }: Told): Promise<string[]> {
  const damage = (await verifyLog(log)).breaks.map(breakSentence);
  const options = { leaseSeconds: LEASE_SECONDS, lostSeconds: 15, forgetSeconds: 86_400 };
  const projection = new Projection({ ...options, fixedFleet: false, incarnation: '' }, (sentence) =>
    damage.push(sentence),
  );
  await projection.catchUp(log);
  const [sweep] = projection.state.sweeps.values();
  if (sweep === undefined) return [...damage, 'The log has no sweep.'];
  const { state, ...anew } = sweepStatus(sweep);
  for (const { address, counted } of reads) {
    const control = connectControl({ address, security: { kind: 'plaintext' } });
    const [said] = (await control.listSweeps()).sweeps;
    control.close();
    for (const name of ['sweepId', 'points', 'complete', 'failed', 'invalid', 'reused'] as const)
      if (said?.[name] !== anew[name])
        damage.push(`${address} says ${name} ${said?.[name]}, and the log ${anew[name]}.`);
    const different = [...counted.values()].flat().filter((id) => projection.state.repeated.has(id));
    if (different.length > 0) damage.push(`${address} counts ${different.join(', ')}, and the log does not.`);
  }
  return damage;
}
