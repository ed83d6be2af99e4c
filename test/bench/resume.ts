/**
 * Kills the whole of `ridge run` (SIGKILL, no chance to tidy up) at 20 random moments of a sweep of 16
 * experiments of three starts each, starting the same command again each time, then lets it finish: the final
 * table must have every experiment exactly once, and nothing may be left running.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResultRecord } from '../../core/result/result.js';
import { ROOT, startRidge } from '../support/ridge.js';
import { orphans } from './attack/process-figures.js';
import { conclude } from './figure.js';

const KILLS = 20;
const EXPERIMENTS = 16;
const STARTS = 3;
const out = mkdtempSync(join(tmpdir(), 'ridgepoint-resume-'));
const sweep = join(out, 'fake-thrice.yaml');
const once = readFileSync(join(ROOT, 'docs/examples/fake.yaml'), 'utf8');
writeFileSync(sweep, once.replace('starts: 1', `starts: ${STARTS}`));

function records(file: string): ResultRecord[] {
  return readFileSync(join(out, file), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ResultRecord);
}

const orphansBefore = new Set(orphans());
let kills = 0;
let finishedEarly = 0;
while (kills < KILLS) {
  const running = startRidge(['run', sweep, '--out', out]);
  // From during the start-up to well into some trials.
  const moment = 200 + Math.random() * 2300;
  const first = await Promise.race([
    running.ended.then(() => 'ended' as const),
    sleep(moment, 'kill' as const),
  ]);
  if (first === 'ended') {
    finishedEarly += 1;
    break;
  }
  process.kill(running.process.pid ?? 0, 'SIGKILL');
  await running.ended;
  kills += 1;
  console.log(`kill ${kills} after ${moment.toFixed(0)} ms`);
}
const last = await startRidge(['run', sweep, '--out', out]).ended;
await sleep(1000);

const results = records('results.jsonl');
const trials = records('trials.jsonl');
const ids = new Set(results.map((r) => r.experimentId));
const trialIds = new Set(trials.map((r) => r.trialId));
const measured = trials.filter((r) => r.sweep.purpose === 'measure').length;
const left = orphans().filter((line) => !orphansBefore.has(line));

conclude('resume', [
  {
    claim: 'kills survived',
    measured: `${kills} kills${finishedEarly > 0 ? ', then it finished before the next' : ''}, last exit code ${last.code}`,
    required: `${KILLS} kills, exit code 0`,
    holds: kills === KILLS && last.code === 0,
  },
  {
    claim: 'every experiment once in the final table',
    measured: `${results.length} starts of ${ids.size} different experiments, ${results.filter((r) => r.status === 'complete').length} complete`,
    required: `${EXPERIMENTS * STARTS} starts of ${EXPERIMENTS}, all complete`,
    holds:
      results.length === EXPERIMENTS * STARTS &&
      ids.size === EXPERIMENTS &&
      results.every((r) => r.status === 'complete'),
  },
  {
    claim: 'nothing counted twice',
    measured: `${trials.length} trials (${measured} measured), ${trialIds.size} different trial ids`,
    required: 'every trial id once',
    holds: trials.length === trialIds.size,
  },
  { claim: 'no process left behind', measured: `${left.length}`, required: '0', holds: left.length === 0 },
]);
rmSync(out, { recursive: true, force: true });
