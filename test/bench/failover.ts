/**
 * bench:failover: three coordinators on one log, in processes of their own, whose leader is killed and
 * stopped (SIGSTOP) again and again, while agents work and others watch. Agents are the real session and the
 * real spool, with trials of known durations.
 *
 * 1. From each fault to the next lease that anybody is granted by the next leader: less than 5 s.
 * 2. No trial is repeated: no point is begun twice, and no agent is told to stop what it runs.
 * 3. Who watches, by gRPC or by the web view's events, hears of every result once, and never from the start
 *   again.
 *
 *   npm run bench -- failover [--kills=50] [--freezes=20] [--log=jetstream|postgres]
 */
import { parseArgs } from 'node:util';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { failOver } from '../support/failover.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { hasPostgres, PostgresServer } from '../support/postgres-server.js';
import { conclude, type Figure } from './figure.js';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    freezes: { type: 'string', default: '20' },
    agents: { type: 'string', default: '12' },
    log: { type: 'string' },
  },
});
const MOST_SECONDS = 5;
const TRIAL_SECONDS = 4;

interface Store {
  readonly name: string;
  readonly log: NonNullable<CoordinatorConfig['log']>;
  stop(): Promise<void>;
}

async function* stores(): AsyncGenerator<Store> {
  const wanted = (name: string) => values.log === undefined || values.log === name;
  if (hasNatsServer && wanted('jetstream')) {
    const server = await NatsServer.start();
    const log = { kind: 'jetstream' as const, servers: [server.url], stream: 'FAILOVER' };
    yield { name: 'JetStream', log, stop: () => server.stop() };
  }
  if (hasPostgres && wanted('postgres')) {
    const server = await PostgresServer.start();
    const log = { kind: 'postgres' as const, url: server.url('schema=failover') };
    yield { name: 'PostgreSQL', log, stop: () => server.stop() };
  }
}

const [kills, freezes, agents] = [Number(values.kills), Number(values.freezes), Number(values.agents)];
const figures: Figure[] = [];
for await (const { name, log, stop } of stores()) {
  const told = await failOver({
    log,
    kills,
    freezes,
    agents,
    trialSeconds: TRIAL_SECONDS,
    points: 9_000,
    said: (sentence) => console.log(`${name}: ${sentence}`),
  }).finally(stop);
  const all = [...told.killed, ...told.frozen].sort((a, b) => a - b);
  const most = all.at(-1) ?? Number.NaN;
  const seconds = (of: readonly number[]) => `${of.length}, longest ${Math.max(0, ...of).toFixed(2)} s`;
  figures.push(
    {
      claim: `${name}: from a fault to the next lease`,
      measured: `killed ${seconds(told.killed)}; stopped ${seconds(told.frozen)}; median ${all[all.length >> 1]?.toFixed(2)} s`,
      required: `less than ${MOST_SECONDS} s`,
      holds: all.length === kills + freezes && most < MOST_SECONDS,
    },
    {
      claim: `${name}: trials repeated`,
      measured: `${told.repeated.length} of ${told.granted} that were begun, ${told.stopped} told to stop; ${told.recorded} recorded`,
      required: 'none, every one recorded',
      holds: told.repeated.length === 0 && told.stopped === 0 && told.recorded === told.granted,
    },
    {
      claim: `${name}: watchers hear of every result once`,
      measured: `gRPC: ${told.missedByControl} missed, ${told.twiceByControl} twice; events: ${told.missedByEvents} missed, ${told.twiceByEvents} twice, ${told.resets} began again`,
      required: 'none missed, none twice',
      holds:
        told.missedByControl +
          told.twiceByControl +
          told.missedByEvents +
          told.twiceByEvents +
          told.resets ===
        0,
    },
  );
}
conclude('failover', figures);
process.exit();
