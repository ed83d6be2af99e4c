/**
 * bench:scale: how many experiments a second does a coordinator take, with each kind of log, and does that
 * stay so? Synthetic agents that measure nothing lease, report a record and wait for its acknowledgement,
 * over gRPC, one experiment at a time on each of their devices; the coordinator is a process of its own, and
 * so are they.
 *
 * 1. Experiments per second, by kind of log and number of experiments: 10,000 with SQLite, 5,000 with
 *   PostgreSQL and JetStream, and no less than 80 % of the first number at the last.
 * 2. The coordinator has never had more than 500 MB.
 * 3. It is ready again, with everything it was told, in less than 10 s; also with a million results, of which
 *   all but the newest have heads alone.
 * 4. Of 10,000 agents that each ask once within 10 s, 99 of 100 have their lease in less than 50 ms.
 *
 * Beside it, on the same PostgreSQL, pg-boss as somebody would use it in its place: as many workers, each of
 * which fetches a job, and completes it with as large a record. It promises less (no order, no leases that
 * are checked, nothing read back).
 *
 *   npm run bench -- scale [--experiments=10000,100000,1000000] [--kinds=sqlite,postgres,jetstream]
 *   [--agents=64] [--devices=8] [--record=12000] [--asking=10000] [--restart=1000000]
 */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { PgBoss } from 'pg-boss';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { SNAPSHOT_ENTRIES } from '../../coordinator/snapshot/keeper.js';
import { startWeighed } from '../support/coordinator-weight.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { hasPostgres, PostgresServer } from '../support/postgres-server.js';
import { spawnSyntheticFleet } from '../support/synthetic-fleet.js';
import { conclude, type Figure } from './figure.js';
import { askOnce } from './scale/asking.js';
import { fillLongLog } from './scale/long-log.js';

const { values } = parseArgs({
  options: {
    experiments: { type: 'string', default: '10000,100000,1000000' },
    kinds: { type: 'string', default: 'sqlite,postgres,jetstream' },
    agents: { type: 'string', default: '64' },
    devices: { type: 'string', default: '8' },
    record: { type: 'string', default: '12000' },
    asking: { type: 'string', default: '10000' },
    restart: { type: 'string', default: '1000000' },
  },
});
const COUNTS = values.experiments.split(',').map(Number);
const KINDS = values.kinds.split(',');
const [AGENTS, RECORD_BYTES] = [Number(values.agents), Number(values.record)];
const DEVICES = Number(values.devices);
const WANTED: Readonly<Record<string, number>> = { sqlite: 10_000, postgres: 5_000, jetstream: 5_000 };
/** What stays of the first rate at the last count. */
const FLAT = 0.8;
const MOST_BYTES = 500e6;
const RESTART_SECONDS = 10;
const [ASK_SECONDS, LEASE_MILLISECONDS] = [10, 50];
/** Before what is measured: code is compiled, and windows of newest results are full. */
const WARM_RESULTS = 1000;

type LogConfig = NonNullable<CoordinatorConfig['log']>;

interface Measured {
  readonly perSecond: number;
  /** Of the coordinator, for each experiment: what a busy machine changes least. */
  readonly cpuSeconds: number;
  /** The same of all agents together, which run on the same machine. */
  readonly fleetCpuSeconds: number;
  readonly peakBytes: number;
  readonly restartSeconds: number;
  readonly restartPeakBytes: number;
}

async function measure(log: LogConfig, experiments: number): Promise<Measured> {
  const config = { log, leaseSeconds: 300, heartbeatSeconds: 30, lostSeconds: 600 };
  const fleet = { agents: AGENTS, devices: DEVICES, recordBytes: RECORD_BYTES };
  const coordinator = await startWeighed(config);
  await spawnSyntheticFleet({ ...fleet, address: coordinator.address, results: WARM_RESULTS, name: 'warm' });
  const before = await coordinator.weigh();
  const done = await spawnSyntheticFleet({
    ...fleet,
    address: coordinator.address,
    results: experiments,
    name: 'run',
  });
  const { peakBytes, cpuSeconds } = await coordinator.weigh();
  await coordinator.kill();
  const begun = performance.now();
  const again = await startWeighed(config);
  const restartSeconds = (performance.now() - begun) / 1000;
  const restarted = await again.weigh();
  await again.kill();
  return {
    perSecond: done.acknowledged / done.seconds,
    cpuSeconds: (cpuSeconds - before.cpuSeconds) / done.acknowledged,
    fleetCpuSeconds: done.cpuSeconds / done.acknowledged,
    peakBytes,
    restartSeconds,
    restartPeakBytes: restarted.peakBytes,
  };
}

/** Seconds of a start on a long log, whole and then from its snapshot. */
async function restart(path: string, results: number) {
  await fillLongLog(path, results);
  const turns: { readonly seconds: number; readonly peakBytes: number }[] = [];
  for (const kept of [false, true]) {
    const begun = performance.now();
    const coordinator = await startWeighed({ log: { kind: 'sqlite', path } });
    const seconds = (performance.now() - begun) / 1000;
    while (!kept && !existsSync(`${path}.snapshot`)) await sleep(100);
    const { peakBytes } = await coordinator.weigh();
    turns.push({ seconds, peakBytes });
    await coordinator.kill();
  }
  return turns as [(typeof turns)[number], (typeof turns)[number]];
}

/** Jobs per second: as many workers, each with one job at a time. */
async function pgBoss(url: string, jobs: number): Promise<number> {
  const boss = new PgBoss({ connectionString: url, max: 16 });
  boss.on('error', (error) => console.error(error.message));
  await boss.start();
  await boss.createQueue('experiments');
  for (let from = 0; from < jobs; from += 1000) {
    const some = Array.from({ length: Math.min(1000, jobs - from) }, (_, index) => ({
      data: { point: from + index },
    }));
    await boss.insert('experiments', some);
  }
  const output = { record: 'x'.repeat(RECORD_BYTES) };
  let done = 0;
  const begun = performance.now();
  const work = async (): Promise<void> => {
    for (;;) {
      const [job] = await boss.fetch('experiments', { batchSize: 1 });
      if (job === undefined) return;
      await boss.complete('experiments', job.id, output);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: AGENTS * DEVICES }, work));
  const seconds = (performance.now() - begun) / 1000;
  await boss.stop({ graceful: false });
  return done / seconds;
}

const long = Number(values.restart);
if (long > 0 && long < SNAPSHOT_ENTRIES)
  throw new Error(`--restart=${long}: a snapshot is kept from ${SNAPSHOT_ENTRIES} results on.`);
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-scale-'));
const postgres = hasPostgres && KINDS.includes('postgres') ? await PostgresServer.start() : null;
const nats =
  hasNatsServer && KINDS.includes('jetstream')
    ? await NatsServer.start({ configuration: 'jetstream { sync_interval: always }' })
    : null;

function logOf(kind: string, count: number): LogConfig | null {
  if (kind === 'sqlite') return { kind, path: join(folder, `${count}.sqlite`) };
  if (kind === 'postgres')
    return postgres === null ? null : { kind, url: postgres.url(`schema=scale_${count}`) };
  return nats === null ? null : { kind: 'jetstream', servers: [nats.url], stream: `SCALE${count}` };
}

const figures: Figure[] = [];
const rounded = (value: number): string => Math.round(value).toLocaleString('en');
const claim = (what: string, measured: string, required: string, holds: boolean): void => {
  console.log(`${what}: ${measured}`);
  figures.push({ claim: what, measured, required, holds });
};
try {
  for (const kind of KINDS) {
    const rates: number[] = [];
    for (const count of COUNTS) {
      const log = logOf(kind, count);
      if (log === null) {
        console.log(`${kind}: its server is not installed here`);
        break;
      }
      const measured = await measure(log, count);
      const { perSecond, cpuSeconds, fleetCpuSeconds, peakBytes, restartSeconds, restartPeakBytes } =
        measured;
      rates.push(perSecond);
      const of = `${kind}, ${count.toLocaleString('en')} experiments`;
      const wanted = WANTED[kind] ?? 0;
      claim(
        of,
        `${rounded(perSecond)} a second, ${rounded(1e6 * cpuSeconds)} µs of the coordinator's CPU each, ${rounded(1e6 * fleetCpuSeconds)} µs of the agents'`,
        `${rounded(wanted)} a second`,
        perSecond >= wanted,
      );
      const peak = Math.max(peakBytes, restartPeakBytes);
      claim(
        `${of}: memory`,
        `${rounded(peak / 1e6)} MB`,
        `${rounded(MOST_BYTES / 1e6)} MB`,
        peak < MOST_BYTES,
      );
      claim(
        `${of}: restart`,
        `${restartSeconds.toFixed(1)} s`,
        `${RESTART_SECONDS} s`,
        restartSeconds < RESTART_SECONDS,
      );
    }
    const [first = 0, last = 0] = [rates[0], rates.at(-1)];
    if (rates.length > 1) {
      claim(
        `${kind}: the last rate of the first`,
        `${((100 * last) / first).toFixed(0)} %`,
        `${100 * FLAT} %`,
        last >= FLAT * first,
      );
    }
  }
  const asking = Number(values.asking);
  if (asking > 0) {
    const log = { kind: 'sqlite' as const, path: join(folder, 'asking.sqlite') };
    const coordinator = await startWeighed({ log, leaseSeconds: 300, lostSeconds: 600 });
    const { granted, joinSeconds, milliseconds } = await askOnce(coordinator.address, asking, ASK_SECONDS);
    const { peakBytes } = await coordinator.weigh();
    await coordinator.kill();
    const at = (share: number): number => milliseconds[Math.floor(share * (milliseconds.length - 1))] ?? 0;
    claim(
      `leases of ${rounded(asking)} agents that each ask once in ${ASK_SECONDS} s`,
      `p50 ${at(0.5).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, at most ${at(1).toFixed(0)} ms; ${rounded(granted)} granted; joined in ${joinSeconds.toFixed(1)} s; ${rounded(peakBytes / 1e6)} MB`,
      `p99 ${LEASE_MILLISECONDS} ms`,
      granted === asking && at(0.99) < LEASE_MILLISECONDS,
    );
  }
  if (long > 0) {
    const [whole, kept] = await restart(join(folder, 'long.sqlite'), long);
    claim(
      `restart with ${rounded(long)} results`,
      `${kept.seconds.toFixed(1)} s and ${rounded(kept.peakBytes / 1e6)} MB; without a snapshot ${whole.seconds.toFixed(1)} s and ${rounded(whole.peakBytes / 1e6)} MB`,
      `${RESTART_SECONDS} s, ${rounded(MOST_BYTES / 1e6)} MB`,
      kept.seconds < RESTART_SECONDS && kept.peakBytes < MOST_BYTES,
    );
  }
  if (postgres !== null) {
    const jobs = Math.min(...COUNTS);
    const perSecond = await pgBoss(postgres.url(), jobs);
    console.log(
      `pg-boss on the same PostgreSQL, ${jobs.toLocaleString('en')} jobs: ${rounded(perSecond)} a second`,
    );
  }
} finally {
  await Promise.all([postgres?.stop(), nats?.stop()]);
  rmSync(folder, { recursive: true, force: true });
}
conclude('scale', figures);
