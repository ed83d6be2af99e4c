import { describe, expect, test } from 'vitest';
import type { CoordinatorConfig } from '../../coordinator/config.js';
import { failOver } from '../support/failover.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { hasPostgres, PostgresServer } from '../support/postgres-server.js';

/** One fault of each kind; `npm run bench -- failover` has the rest. */
async function once(log: NonNullable<CoordinatorConfig['log']>, faults: { kills: number; freezes: number }) {
  const told = await failOver({ log, agents: 3, trialSeconds: 2, points: 500, ...faults });
  expect(told.killed.length + told.frozen.length).toBe(faults.kills + faults.freezes);
  expect({ ...told, killed: [], frozen: [] }).toEqual({
    killed: [],
    frozen: [],
    repeated: [],
    stopped: 0,
    resets: 0,
    missedByControl: 0,
    twiceByControl: 0,
    missedByEvents: 0,
    twiceByEvents: 0,
    granted: told.recorded,
    recorded: told.granted,
  });
}

describe.skipIf(!hasNatsServer)('needs nats-server', () => {
  test('a leader that is killed: another one leads with what runs, and watchers move over', async () => {
    const server = await NatsServer.start();
    const log = { kind: 'jetstream' as const, servers: [server.url], stream: 'FAILOVER' };
    await once(log, { kills: 1, freezes: 0 }).finally(() => server.stop());
  }, 90_000);
});

describe.skipIf(!hasPostgres)('needs PostgreSQL', () => {
  test('a leader that stands still: another one leads, and it stands by when it goes on', async () => {
    const server = await PostgresServer.start();
    const log = { kind: 'postgres' as const, url: server.url('schema=failover') };
    await once(log, { kills: 0, freezes: 1 }).finally(() => server.stop());
  }, 90_000);
});
