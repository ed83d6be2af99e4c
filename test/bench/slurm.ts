/**
 * An array of three agents under a real Slurm (slurmctld and slurmd of Debian on this machine), the
 * coordinator in the first of them: one agent is requeued in the middle of a trial, one reaches its time
 * limit and queues itself again. Every start of every point has to be there once, none measured twice beside
 * another, and the results as files.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog } from '../../coordinator/log/open.js';
import type { ResultRecord } from '../../core/result/result.js';
import { RIDGE, ROOT } from '../support/ridge.js';
import { until } from '../support/services.js';
import { hasSlurm, startSlurm } from '../support/slurm.js';
import { conclude } from './figure.js';

const POINTS = 16;
const STARTS = 8;
/**
 * Long enough for a trial of this sweep, and the least that Slurm's own limit of one minute leaves room for.
 */
const DRAIN = '20s';
const MOST_SECONDS = 420;

if (!hasSlurm)
  throw new Error('Slurm is not here: apt-get install slurmctld slurmd munge, and run this as root.');
const slurm = await startSlurm(3);
const shared = mkdtempSync(join(tmpdir(), 'ridgepoint-slurm-job-'));
try {
  const sweep = join(shared, 'fake.yaml');
  const example = readFileSync(join(ROOT, 'docs/examples/fake.yaml'), 'utf8');
  writeFileSync(sweep, example.replace('starts: 1', `starts: ${STARTS}`));
  const config = join(shared, 'agent.yaml');
  writeFileSync(
    config,
    JSON.stringify({ runners: ['fake'], cacheFolder: join(shared, 'cache'), roofs: 'off' }),
  );
  const folder = join(shared, 'job');
  const words = ['slurm', 'submit', sweep, '--coordinator', 'here', '--tasks', '3', '--time', '10'];
  // Held, so that its tasks can be told apart before they begin.
  const more = ['--drain', DRAIN, '--go-on', '--folder', folder, '--config', config, '--', '--hold'];
  const begun = performance.now();
  const job = execFileSync(process.execPath, [RIDGE, ...words, ...more], {
    encoding: 'utf8',
    env: { ...process.env, ...slurm.env },
  }).trim();
  slurm.run('scontrol', 'update', `jobid=${job}_2`, 'TimeLimit=1');
  slurm.run('scontrol', 'release', job);
  const output = () =>
    readdirSync(join(folder, 'output'))
      .map((name) => readFileSync(join(folder, 'output', name), 'utf8'))
      .join('');
  const works = (task: number) => output().includes(`slurm-${job}-${task} on`);
  await until('all three to work', async () => ([0, 1, 2].every(works) ? true : null), 120);
  await sleep(2000);
  slurm.run('scontrol', 'requeue', `${job}_1`);
  console.log(`job ${job}: task 2 has a minute, task 1 is requeued`);
  await until(
    'the array to end',
    async () => (slurm.run('squeue', '--noheader').trim() === '' ? true : null),
    MOST_SECONDS,
  );
  const seconds = (performance.now() - begun) / 1000;
  const said = output();
  if (process.env.RIDGE_DEBUG) console.log(said);
  await conclusions(folder, said, seconds);
} finally {
  await slurm.stop();
  rmSync(shared, { recursive: true, force: true });
}

async function conclusions(folder: string, said: string, seconds: number): Promise<void> {
  const { records, givenUp } = await recorded(folder);
  const measured = records.filter(({ sweep }) => sweep.purpose === 'measure');
  const starts = measured.map(({ sweep }) => `${sweep.position} ${sweep.start}`);
  const counted = existsSync(join(folder, 'results.jsonl'))
    ? readFileSync(join(folder, 'results.jsonl'), 'utf8').trim().split('\n').length
    : 0;
  const spooled = readdirSync(join(folder, 'state/spool'), { recursive: true }).filter((name) =>
    String(name).endsWith('.json'),
  );
  const again = said.split('is in the queue again').length - 1;
  const returned = said.split('what runs is given back').length - 1;
  const is = (claim: string, value: number, wanted: number) => ({
    claim,
    measured: `${value}`,
    required: `${wanted}`,
    holds: value === wanted,
  });
  conclude('slurm', [
    is('points in results.jsonl', counted, POINTS),
    is('starts recorded', measured.length, POINTS * STARTS),
    is('different starts among them', new Set(starts).size, POINTS * STARTS),
    is('trials that failed', records.filter(({ status }) => status !== 'complete').length, 0),
    is('points given up', givenUp, 0),
    is('results left in spools', spooled.length, 0),
    {
      claim: 'times that a task queued itself again at its limit',
      measured: `${again}`,
      required: '1 at least',
      holds: again >= 1,
    },
    is('tasks that gave back what they ran', returned, 1),
    {
      claim: 'seconds from sbatch to the last result',
      measured: seconds.toFixed(0),
      required: `under ${MOST_SECONDS}`,
      holds: seconds < MOST_SECONDS,
    },
  ]);
}

async function recorded(folder: string): Promise<{ records: ResultRecord[]; givenUp: number }> {
  const path = join(folder, 'coordinator.sqlite');
  const log = await openLog({ kind: 'sqlite', path, maxBytes: null });
  const records: ResultRecord[] = [];
  let givenUp = 0;
  try {
    for await (const { fact } of log.read(0, 'full')) {
      if (fact.fact === 'ResultRecorded') records.push(fact.record);
      if (fact.fact === 'ExperimentGivenUp') givenUp += 1;
    }
  } finally {
    await log.close();
  }
  return { records, givenUp };
}
