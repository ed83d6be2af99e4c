/**
 * bench:outage: PostgreSQL is killed under three coordinators while a sweep runs, and is away for so long.
 * Commands of the built package that were begun before, and others that are begun meanwhile, are listened to.
 *
 * 1. Each says what it waits for, with the coordinators' own reason, 5 s later than it takes where nothing is
 *   wrong; none says that nobody answers.
 * 2. Those that are waited for long enough do their work when PostgreSQL is back, and whoever watches goes
 *   on; after 300 s they end with the reason, and exit code 1.
 * 3. With --no-wait they end at once.
 * 4. No result is lost, and no trial is repeated.
 *
 *   npm run bench -- outage [--seconds=60,400]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type ControlConnection, connectControl } from '../../proto/client.js';
import { OUTAGE_SECONDS } from '../../proto/outage.js';
import { CoordinatorProcesses } from '../support/coordinators.js';
import { PostgresServer } from '../support/postgres-server.js';
import { ridge } from '../support/ridge.js';
import { until } from '../support/services.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { repeatedPoints, TimedAgent } from '../support/timed-agents.js';
import { conclude, type Figure } from './figure.js';
import { AskedCommand, printTold, type Told } from './outage/asked.js';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });

/** To say what is waited for, beyond what a command takes anyway. */
const SAY_SECONDS = 5;
const TRIAL_SECONDS = 2;
const NO_WAIT = '--no-wait';

interface Lab {
  readonly server: PostgresServer;
  readonly fleet: CoordinatorProcesses;
  readonly control: ControlConnection;
  readonly agent: TimedAgent;
  readonly folder: string;
}

async function withLab<T>(work: (lab: Lab) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-outage-'));
  const server = await PostgresServer.start();
  const log = { kind: 'postgres' as const, url: server.url('schema=outage') };
  const fleet = await CoordinatorProcesses.start(3, { log, logLevel: 'silent', heartbeatSeconds: 1 });
  const control = connectControl({ address: fleet.addresses, security: { kind: 'plaintext' } });
  const agent = await TimedAgent.start('node-1', fleet.addresses, TRIAL_SECONDS);
  try {
    return await work({ server, fleet, control, agent, folder });
  } finally {
    await agent.stop();
    control.close();
    await fleet.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Sweeps of the bench: one that runs, and those that are steered meanwhile. */
async function submitAll({ control, folder }: Lab) {
  const idOf = async (name: string, points: number) =>
    (await control.submitSweep(submission(fakeSweep(points, { name })))).sweepId;
  const ids = {
    running: await idOf('running', 2_000),
    pausing: await idOf('pausing', 500),
    resuming: await idOf('resuming', 501),
    cancelling: await idOf('cancelling', 502),
  };
  await control.pauseSweep({ sweepId: ids.resuming, reason: 'for the bench' });
  const files = { other: join(folder, 'other.yaml'), watched: join(folder, 'watched.yaml') };
  writeFileSync(files.other, fakeSweep(3, { name: 'other' }));
  writeFileSync(files.watched, fakeSweep(503, { name: 'watched' }));
  return { ids, files };
}

/** @returns the words of the commands that are begun while PostgreSQL is away. */
function commandsOf(
  ids: Readonly<Record<'running' | 'pausing' | 'resuming' | 'cancelling', string>>,
  files: Readonly<Record<'other', string>>,
): string[][] {
  return [
    ['results', ids.pausing, NO_WAIT],
    ['pause', ids.pausing, NO_WAIT],
    ['results', ids.running, '--format', 'csv'],
    ['results', ids.running, '--format', 'html'],
    ['pause', ids.pausing],
    ['resume', ids.resuming],
    ['cancel', ids.cancelling],
    ['submit', files.other],
    ['sweeps'],
    ['nodes'],
    ['top', '--once'],
  ];
}

/** @returns seconds that a command takes where nothing is wrong. */
async function usualSeconds(at: string): Promise<number> {
  const began = performance.now();
  await ridge(['sweeps', '-c', at]);
  return (performance.now() - began) / 1000;
}

interface Outcome {
  readonly begunBefore: readonly Told[];
  readonly begunMeanwhile: readonly Told[];
  readonly impatient: readonly Told[];
  readonly usual: number;
  readonly lost: number;
  readonly repeated: number;
}

async function outage(seconds: number): Promise<Outcome> {
  return await withLab(async (lab) => {
    const { server, fleet, control, agent } = lab;
    const at = fleet.addresses;
    const { ids, files } = await submitAll(lab);
    const usual = await usualSeconds(at);
    const start = (...words: string[]) => new AskedCommand(words, at);
    const before = [
      start('watch', ids.running),
      start('submit', files.watched, '--watch'),
      start('results', ids.running, '--follow'),
    ];
    await until('a result', async () => (agent.journal.some(({ what }) => what === 'ended') ? true : null));
    await sleep(1000 * (usual + 3));
    await server.kill();
    const began = performance.now();
    for (const one of before) one.outageBegins();
    await sleep(1000);
    // One after the other: what is asked is when each of them says it, not how many start at once.
    const asked: AskedCommand[] = [];
    for (const words of commandsOf(ids, files)) {
      const one = start(...words);
      asked.push(one);
      await Promise.race([one.heard, sleep(10_000)]);
    }
    await sleep(Math.max(0, 1000 * seconds - (performance.now() - began)));
    await server.restart();
    const told = await Promise.all(asked.map(({ ended }) => ended));
    const isImpatient = ({ command }: Told) => command.endsWith(NO_WAIT);
    const impatient = told.filter(isImpatient);
    const begunMeanwhile = told.filter((one) => !isImpatient(one));
    const granted = agent.journal.length;
    await until('work goes on', async () => (agent.journal.length > granted + 2 ? true : null), 60);
    const begunBefore = await endWatched(control, before);
    const { lost, repeated } = await counted(control, agent, ids.running);
    return { begunBefore, begunMeanwhile, impatient, usual, lost, repeated };
  });
}

/** Ends what is watched, which whoever watches hears. `results --follow` ends with its process alone. */
async function endWatched(control: ControlConnection, before: readonly AskedCommand[]): Promise<Told[]> {
  const { sweeps } = await control.listSweeps();
  for (const { sweepId } of sweeps) await control.cancelSweep({ sweepId, reason: 'the bench is over' });
  await sleep(3_000);
  for (const one of before) one.terminate();
  return await Promise.all(before.map(({ ended }) => ended));
}

/** @returns trials that an agent ended and that are in no log, and those that were begun twice. */
async function counted(control: ControlConnection, agent: TimedAgent, sweepId: string) {
  await until('all is reported', async () => (agent.waiting === 0 ? true : null), 60);
  const recorded = new Set<string>();
  for await (const { recordJson } of control.streamResults({ sweepId, follow: false, allTrials: true }))
    recorded.add((JSON.parse(recordJson) as { trialId: string }).trialId);
  const ended = agent.journal.filter(({ what, point }) => what === 'ended' && point.startsWith(sweepId));
  const lost = ended.filter(({ trialId }) => !recorded.has(trialId)).length;
  return { lost, repeated: repeatedPoints(agent.journal).length };
}

/** @returns what holds of an outage of so many seconds. */
function figuresOf(seconds: number, told: Outcome): Figure[] {
  const { begunBefore, begunMeanwhile, impatient, usual, lost, repeated } = told;
  const all = [...begunBefore, ...begunMeanwhile, ...impatient];
  const latest = Math.max(...all.map(({ saidSeconds }) => saidSeconds ?? Infinity));
  const within = SAY_SECONDS + usual;
  const wrong = all.filter(({ stderr }) => /no coordinator answers|Call cancelled/.test(stderr));
  const outlasts = seconds < OUTAGE_SECONDS;
  const as = ({ code, stderr }: Told) =>
    outlasts ? code === 0 : code === 1 && /cannot be used/.test(stderr);
  const others = begunMeanwhile.filter((one) => !as(one)).map(({ command }) => command);
  const went = begunBefore.filter(({ stderr, code }) =>
    outlasts ? !/cannot answer now/.test(stderr) : code === 1 && /cannot be used/.test(stderr),
  );
  const away = `PostgreSQL away for ${seconds} s`;
  return [
    {
      claim: `${away}: each command says what it waits for`,
      measured: `the last after ${latest.toFixed(1)} s (${usual.toFixed(1)} s where nothing is wrong); ${wrong.length} say that nobody answers`,
      required: `after ${within.toFixed(1)} s at most, none`,
      holds: latest <= within && wrong.length === 0,
    },
    {
      claim: `${away}: commands begun meanwhile ${outlasts ? 'do their work' : 'end with the reason'}`,
      measured: `${begunMeanwhile.length - others.length} of ${begunMeanwhile.length}${others.length === 0 ? '' : `, not ${others.join(', ')}`}`,
      required: outlasts ? 'all, exit code 0' : 'all, exit code 1',
      holds: others.length === 0,
    },
    {
      claim: `${away}: watch, submit --watch and results --follow ${outlasts ? 'go on' : 'end with the reason'}`,
      measured: `${went.length} of ${begunBefore.length}`,
      required: 'all',
      holds: went.length === begunBefore.length,
    },
    {
      claim: `${away}: --no-wait ends at once`,
      measured: `${Math.max(...impatient.map(({ endedSeconds }) => endedSeconds)).toFixed(1)} s, exit codes ${impatient.map(({ code }) => code).join(', ')}`,
      required: `${within.toFixed(1)} s at most, 1`,
      holds: impatient.every(({ endedSeconds, code }) => endedSeconds <= within && code === 1),
    },
    {
      claim: `${away}: results lost, trials repeated`,
      measured: `${lost}, ${repeated}`,
      required: 'none',
      holds: lost + repeated === 0,
    },
  ];
}

const figures: Figure[] = [];
for (const seconds of values.seconds.split(',').map(Number)) {
  const told = await outage(seconds);
  printTold(`PostgreSQL away for ${seconds} s: begun before`, told.begunBefore);
  printTold(`PostgreSQL away for ${seconds} s: begun meanwhile`, told.begunMeanwhile);
  printTold(`PostgreSQL away for ${seconds} s: with --no-wait`, told.impatient);
  figures.push(...figuresOf(seconds, told));
}
conclude('outage', figures);
process.exit();
