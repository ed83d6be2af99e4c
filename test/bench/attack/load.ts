import { setTimeout as sleep } from 'node:timers/promises';
import { weighCoordinator } from '../../support/coordinator-weight.js';
import { reportCost, resultsCost } from '../../support/filled-log.js';
import { spawnSyntheticFleet } from '../../support/synthetic-fleet.js';
import type { Outcome } from './check.js';
import { completeOf, Ground, liveBytes, megabytes, type Target } from './ground.js';
import { cpuSeconds, peakBytes, residentBytes } from './process-figures.js';

const AGENTS = 16;
/** As a record of the quickstart with its raw samples. */
const RECORD_BYTES = 16_800;
/** More than any cache of the newest results holds. */
const WARM_RESULTS = 1000;
const LEAST_PER_SECOND = 1000;
const KEPT_BYTES = 20e6;
/** What the Helm chart gives a coordinator. */
const MOST_RESIDENT_BYTES = 2 ** 30;
const RESTART_SECONDS = 3;
const SHOWN_SECONDS = 5;

export interface LoadOutcome extends Outcome {
  readonly name: string;
  readonly claim: string;
}

/**
 * One stream that carries a million heartbeats and 100,000 results: what the coordinator keeps of them while
 * it is open.
 */
export async function streamLoad(heartbeats: number, results: number): Promise<LoadOutcome> {
  const ground = new Ground();
  try {
    const log = ground.path('weighed.sqlite');
    const load = { heartbeats, trialsEach: 2, results, recordBytes: RECORD_BYTES, log };
    const { before, afterHeartbeats, afterResults } = await weighCoordinator(load);
    const signed = (bytes: number): string => `${bytes < 0 ? '' : '+'}${megabytes(bytes)}`;
    return {
      name: 'load-stream',
      claim: `${heartbeats.toLocaleString('en')} heartbeats and ${results.toLocaleString('en')} results leave the live heap within 20 MB`,
      holds: afterHeartbeats - before < KEPT_BYTES && afterResults - before < KEPT_BYTES,
      figure: `${megabytes(before)}, ${signed(afterHeartbeats - before)} after the heartbeats, ${signed(afterResults - before)} after the results`,
    };
  } finally {
    await ground.close();
  }
}

/** Fills a coordinator with that many results of synthetic agents, and then asks of it what people ask. */
export async function* loadSeries(results: number): AsyncGenerator<LoadOutcome> {
  const ground = new Ground();
  try {
    const target = await ground.coordinator();
    const fleet = { address: target.grpcAddress, agents: AGENTS, recordBytes: RECORD_BYTES };
    const warm = await spawnSyntheticFleet({ ...fleet, results: WARM_RESULTS, name: 'warm' });
    // The points that it left would be measured before those of the next.
    await ground.control(target).cancelSweep({ sweepId: warm.sweepId, reason: 'warm' });
    const before = await liveBytes(target);
    const watch = watchMemory(target);
    const cpu = cpuSeconds(target.pid);
    const { sweepId, acknowledged, seconds } = await spawnSyntheticFleet({ ...fleet, results, name: 'load' });
    const cpuEach = ((cpuSeconds(target.pid) - cpu) * 1000) / results;
    const resident = await watch.end();
    const grown = (await liveBytes(target)) - before;
    const rate = acknowledged / seconds;
    yield {
      name: `load-${results}-rate`,
      claim: `at least ${LEAST_PER_SECOND} experiments a second with ${AGENTS} synthetic agents and SQLite`,
      holds: acknowledged >= results && rate >= LEAST_PER_SECOND,
      figure: `${rate.toFixed(0)} a second, ${cpuEach.toFixed(2)} ms of the coordinator's CPU each, ${acknowledged} acknowledged`,
    };
    yield {
      name: `load-${results}-memory`,
      claim: 'the live heap stays within 20 MB and the process below 1 GiB',
      holds: grown < KEPT_BYTES && peakBytes(target.pid) < MOST_RESIDENT_BYTES,
      figure:
        `live heap ${megabytes(before)}, then ${grown < 0 ? '' : '+'}${megabytes(grown)} (${(grown / results).toFixed(0)} B a result); ` +
        `resident ${resident.map(megabytes).join(', ')} at quarters, peak ${megabytes(peakBytes(target.pid))}`,
    };
    yield* shown(ground, target, sweepId, results);
  } finally {
    await ground.close();
  }
}

async function* shown(
  ground: Ground,
  target: Target,
  sweepId: string,
  results: number,
): AsyncGenerator<LoadOutcome> {
  const exited = target.running.ended;
  target.running.process.kill('SIGKILL');
  await exited;
  const start = performance.now();
  const again = await ground.coordinator(target.config);
  const seconds = (performance.now() - start) / 1000;
  yield {
    name: `load-${results}-restart`,
    claim: `a coordinator is back within ${RESTART_SECONDS} s of its start, that of Node.js included`,
    holds: seconds < RESTART_SECONDS,
    figure: `${seconds.toFixed(1)} s, ${cpuSeconds(again.pid).toFixed(1)} s of CPU`,
  };
  let cpu = cpuSeconds(again.pid);
  const report = await reportCost(again.webUrl, sweepId);
  yield {
    name: `load-${results}-report`,
    claim: `the report of the sweep is there within ${SHOWN_SECONDS} s`,
    holds: report.seconds < SHOWN_SECONDS,
    figure: `${report.seconds.toFixed(1)} s (${(cpuSeconds(again.pid) - cpu).toFixed(1)} s of the coordinator's CPU), ${(report.bytes / 1e6).toFixed(1)} MB`,
  };
  cpu = cpuSeconds(again.pid);
  const complete = await completeOf(ground.control(again), sweepId);
  const csv = await resultsCost(again.grpcAddress, sweepId, 'csv');
  yield {
    name: `load-${results}-csv`,
    claim: `\`ridge results --format csv\` prints all of it within ${SHOWN_SECONDS} s`,
    holds:
      csv.exitCode === 0 && complete >= results && csv.lines - 1 === complete && csv.seconds < SHOWN_SECONDS,
    figure: `${csv.seconds.toFixed(1)} s (${(cpuSeconds(again.pid) - cpu).toFixed(1)} s of the coordinator's CPU), ${(csv.bytes / 1e6).toFixed(1)} MB, ${csv.lines - 1} of ${complete} rows`,
  };
}

/**
 * Looks at the process every half second. `end` gives what it had in memory after each quarter of the time.
 */
function watchMemory({ pid }: Target): { end(): Promise<number[]> } {
  const seen: number[] = [];
  let over = false;
  const watching = (async () => {
    while (!over) {
      seen.push(residentBytes(pid));
      await sleep(500);
    }
  })();
  return {
    end: async () => {
      over = true;
      await watching;
      return [1, 2, 3, 4].map((quarter) => seen[Math.ceil((seen.length * quarter) / 4) - 1] ?? Number.NaN);
    },
  };
}
