/**
 * bench:restore: the log of a coordinator is backed up while agents report results. Then the coordinator is
 * killed, the disk with its log is destroyed, and a coordinator begins on a restored log elsewhere.
 *
 * 1. Results come as fast during the backup as before it, to a half at least.
 * 2. Every result that was acknowledged before the backup is in the restored log.
 * 3. Points whose results were acknowledged after it are measured again: the sweep ends with one result for
 *   each point.
 * 4. What agents ended while nobody led is delivered from their spools.
 *
 *   npm run bench -- restore [--results=5000] [--agents=16] [--points=1500]
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type ControlConnection, connectControl } from '../../proto/client.js';
import { CoordinatorProcesses } from '../support/coordinators.js';
import { fillLog } from '../support/filled-log.js';
import { ridge } from '../support/ridge.js';
import { until } from '../support/services.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { clock, type JournalEntry, TimedAgent } from '../support/timed-agents.js';
import { conclude } from './figure.js';

const { values } = parseArgs({
  options: {
    results: { type: 'string', default: '5000' },
    agents: { type: 'string', default: '16' },
    points: { type: 'string', default: '1500' },
  },
});
const [results, agentCount, points] = [values.results, values.agents, values.points].map(Number) as [
  number,
  number,
  number,
];
const TRIAL_SECONDS = 0.25;
/** What comes before, and after, the backup. */
const WORK_SECONDS = 4;
/** Nobody leads for so long, besides the restore. */
const AWAY_SECONDS = 2;

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-restore-'));
const [disk, elsewhere, file] = ['disk', 'elsewhere', 'log.backup'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
];
mkdirSync(disk);
const filled = await fillLog(join(disk, 'log.sqlite'), { results });
const fleet = await CoordinatorProcesses.start(1, {
  log: { kind: 'sqlite', path: join(disk, 'log.sqlite') },
  heartbeatSeconds: 1,
});
const [member] = fleet.members;
const at = fleet.addresses;
const control = connectControl({ address: at, security: { kind: 'plaintext' } });
const { sweepId } = await control.submitSweep(submission(fakeSweep(points, { name: 'running' })));
const journal: JournalEntry[] = [];
const agents: TimedAgent[] = [];
for (let index = 0; index < agentCount; index += 1)
  agents.push(await TimedAgent.start(`node-${index}`, at, TRIAL_SECONDS, journal));

const ended = (): JournalEntry[] => journal.filter(({ what }) => what === 'ended');
const confirmed = (): number => ended().length - agents.reduce((sum, { waiting }) => sum + waiting, 0);

/** @returns results that are confirmed in a second while something is done, and how long that took. */
async function rateDuring(work: () => Promise<unknown>) {
  const [began, before] = [clock(), confirmed()];
  await work();
  const seconds = clock() - began;
  return { seconds, rate: (confirmed() - before) / seconds };
}

async function trialIds(of: ControlConnection, allTrials: boolean): Promise<string[]> {
  const ids: string[] = [];
  for await (const { recordJson } of of.streamResults({ sweepId, follow: false, allTrials }))
    ids.push((JSON.parse(recordJson) as { trialId: string }).trialId);
  return ids;
}

/** @throws Error where a command does not end well */
async function done(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await ridge(words);
  if (code !== 0) throw new Error(`ridge ${words.join(' ')}: ${stderr}`);
  return stdout;
}

await until('work begins', async () => (confirmed() > 2 * agentCount ? true : null), 60);
const usual = await rateDuring(() => sleep(1000 * WORK_SECONDS));
const early = await trialIds(control, true);
const backup = await rateDuring(() => done('log', 'backup', file, '-c', at));
await sleep(1000 * WORK_SECONDS);
const late = (await trialIds(control, true)).length - early.length;

await fleet.kill(member!);
const killedAt = clock();
rmSync(disk, { recursive: true });
await sleep(1000 * AWAY_SECONDS);
const began = clock();
await done('restore', file, '--into', join(elsewhere, 'log.sqlite'));
const restoreSeconds = clock() - began;
const endedAlone = ended().filter((one) => one.at > killedAt);
await fleet.launch(member!, { log: { kind: 'sqlite', path: join(elsewhere, 'log.sqlite') } });
const backSeconds = clock() - began;
const restored = new Set(await trialIds(control, true));
const lost = early.filter((trial) => !restored.has(trial)).length;

const status = async () => (await control.listSweeps()).sweeps.find((sweep) => sweep.sweepId === sweepId);
await until('all is measured', async () => ((await status())?.complete === points ? true : null), 300);
await until('all is delivered', async () => (agents.every(({ waiting }) => waiting === 0) ? true : null), 60);
const all = await trialIds(control, true);
const counted = await trialIds(control, false);
const undelivered = endedAlone.filter(({ trialId }) => !all.includes(trialId)).length;
const verified = await done('log', 'verify', '-c', at);

for (const agent of agents) await agent.stop();
control.close();
await fleet.stop();
const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
conclude('restore', [
  {
    claim: `results in a second during the backup of a log of ${results + early.length} results`,
    measured: `${backup.rate.toFixed(0)} for ${backup.seconds.toFixed(1)} s, ${usual.rate.toFixed(0)} before it; ${mebibytes(filled.bytes)} became ${mebibytes(statSync(file).size)}`,
    required: 'half as many at least',
    holds: backup.rate >= usual.rate / 2,
  },
  {
    claim: 'results acknowledged before the backup that the restored log lacks',
    measured: `${lost} of ${early.length}`,
    required: 'none',
    holds: lost === 0 && early.length > 0,
  },
  {
    claim: 'each point has one result at the end, those acknowledged after the backup again',
    measured: `${counted.length} of ${points}, no trial twice among ${all.length}; ${late} had been acknowledged after the backup began`,
    required: 'all, none',
    holds: counted.length === points && new Set(all).size === all.length && late > 0,
  },
  {
    claim: 'what agents ended while nobody led, and is not in the log',
    measured: `${undelivered} of ${endedAlone.length}`,
    required: 'none of some',
    holds: undelivered === 0 && endedAlone.length > 0,
  },
  {
    claim: 'from the order to restore to a coordinator that is ready',
    measured: `${backSeconds.toFixed(1)} s, ${restoreSeconds.toFixed(1)} s of them the restore`,
    required: 'less than 60 s',
    holds: backSeconds < 60,
  },
  {
    claim: 'ridge log verify of the coordinator at the end',
    measured: verified.trim(),
    required: 'nothing is wrong',
    holds: verified.includes('nothing is wrong'),
  },
]);
rmSync(folder, { recursive: true, force: true });
process.exit();
