import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { HeadEntry } from '../../coordinator/log/log.js';
import { readAddress } from '../../coordinator/log/postgres/address.js';
import { durabilityOf } from '../../coordinator/log/postgres/durability.js';
import { PostgresLease } from '../../coordinator/log/postgres/lease.js';
import { PostgresLog, type PostgresOptions } from '../../coordinator/log/postgres.js';
import { start } from '../support/coordinator.js';
import { hasPostgres, PostgresServer } from '../support/postgres-server.js';
import { freePort, until } from '../support/services.js';
import { logContract, sharedLogContract } from '../unit/coordinator/log.contract.js';
import { recorded, submitted } from '../unit/coordinator/log-facts.js';

async function positionsOf(entries: AsyncIterable<HeadEntry>): Promise<number[]> {
  const positions: number[] = [];
  for await (const { position } of entries) positions.push(position);
  return positions;
}

describe.skipIf(!hasPostgres)('needs PostgreSQL', () => {
  let server: PostgresServer;
  let schemas = 0;
  beforeAll(async () => {
    // As somebody may have set it for other databases: what the log acknowledges is synced all the same.
    server = await PostgresServer.start(['synchronous_commit = off']);
  });
  afterAll(() => server.stop());

  const open = (schema: string, more: Partial<PostgresOptions> = {}) =>
    PostgresLog.open({ url: server.url(`schema=${schema}`), patienceSeconds: 10, ...more });
  logContract('PostgreSQL log', () => open(`contract${schemas++}`));

  test('of two writers on one log one append wins, and both read the same', async () => {
    const [one, two] = await Promise.all([open('shared'), open('shared')]);
    const outcomes = await Promise.all([one.append([submitted('a')], 0), two.append([submitted('b')], 0)]);
    expect(outcomes.filter((outcome) => outcome.appended)).toHaveLength(1);
    await one.append([recorded('t1')], 1);
    expect(await two.append([recorded('t1'), submitted('c')], 2)).toEqual({ appended: true, position: 3 });
    expect([await one.end(), await two.end()]).toEqual([3, 3]);
    await Promise.all([one.close(), two.close()]);
  });

  test('a follower is notified of what another coordinator appends', async () => {
    // It never looks by itself.
    const [one, two] = [
      await open('followed', { pollSeconds: Number.POSITIVE_INFINITY }),
      await open('followed'),
    ];
    const stop = new AbortController();
    const seen: number[] = [];
    const append = () => void two.append([submitted(`${seen.length}`)], seen.length);
    setTimeout(append, 100);
    for await (const { position } of one.follow(0, stop.signal, 'head')) {
      if (seen.push(position) === 4) stop.abort();
      // By then it waits, as a rule.
      else setTimeout(append, 100);
    }
    expect(seen).toEqual([1, 2, 3, 4]);
    await Promise.all([one.close(), two.close()]);
  });

  test('a renewal that comes behind a later one, over a connection that was given up, takes no node away', async () => {
    const log = await open('renewed');
    const address = readAddress(server.url('schema=renewed'));
    const leases = [1, 2].map(() => new PostgresLease(address, 10, () => {}));
    const [one, late] = leases as [PostgresLease, PostgresLease];
    const candidate = { holder: 'one', grpc: 'one:1', web: null, seconds: 30 };
    const { token } = (await one.take(candidate))!;
    expect(await one.renew(token, ['node-a', 'node-b'], 2)).toBe(true);
    expect(await late.renew(token, ['node-a'], 1)).toBe(false);
    await one.release(token, ['node-a', 'node-b']);
    // Nor does it take up a lease again that was let go.
    expect(await late.renew(token, [], 3)).toBe(false);
    expect(await late.take(candidate)).toMatchObject({ nodesBefore: ['node-a', 'node-b'] });
    await Promise.all([log.close(), ...leases.map((lease) => lease.close())]);
  });

  sharedLogContract('PostgreSQL log', (schema) => open(schema));

  test('more facts than one statement holds, and large ones, are one append', async () => {
    const log = await open('large');
    const facts = Array.from({ length: 300 }, (_, index) => recorded(`t${index}`));
    const large = { ...submitted('x'), document: 'ä"\\'.repeat(5_000_000) };
    expect(await log.append([...facts, large], 0)).toEqual({ appended: true, position: 301 });
    expect((await log.get(301, 'full')).fact).toEqual(large);
    await log.close();
  });

  test('tables of another release, or none, are named', async () => {
    await expect(open('nothing', { make: false })).rejects.toThrow(/has no log in its schema nothing\.$/);
    await (await open('newer')).close();
    await server.query('UPDATE newer.log SET version = 99');
    await expect(open('newer')).rejects.toThrow(/has schema version 99; this Ridgepoint reads 1\.$/);
  });

  test('a log that was restored to an earlier state, or made anew, is not written on', async () => {
    const log = await open('restored');
    await log.append([submitted('a'), submitted('b')], 0);
    await server.query('DELETE FROM restored.facts WHERE position > 1; UPDATE restored.log SET position = 1');
    await expect(log.append([submitted('c')], 2)).rejects.toThrow(/ends at entry 1, but had 2\.$/);
    await server.query('DROP SCHEMA restored CASCADE');
    await (await open('restored')).close();
    await expect(log.end()).rejects.toThrow(/was deleted and made again\.$/);
    await log.close();
  });

  test('a server that is killed and started again is waited for: by who appends, reads and follows', async () => {
    const [log, follower] = await Promise.all([open('restarted'), open('restarted')]);
    await log.append([submitted('a')], 0);
    const stop = new AbortController();
    const followed = (async () => {
      const seen: number[] = [];
      for await (const { position } of follower.follow(0, stop.signal, 'head')) {
        if (seen.push(position) === 2) stop.abort();
      }
      return seen;
    })();
    await server.kill();
    const [appended, read] = [log.append([recorded('t1')], 1), positionsOf(log.read(0, 'full'))];
    await server.restart();
    expect(await appended).toEqual({ appended: true, position: 2 });
    expect((await read).slice(0, 1)).toEqual([1]);
    expect(await followed).toEqual([1, 2]);
    await Promise.all([log.close(), follower.close()]);
  });

  test('what a killed server had not acknowledged, since no synchronous standby had it, counts when one has it', async () => {
    const [log, follower] = await Promise.all([open('standby'), open('standby')]);
    await log.append([submitted('a')], 0);
    const standbys = async (names: string) => {
      await server.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
      await server.query('SELECT pg_reload_conf()');
    };
    await standbys('*');
    let acknowledged = false;
    const appended = log.append([recorded('t1')], 1).then((outcome) => {
      acknowledged = true;
      return outcome;
    });
    const count = () => server.query<{ count: string }>('SELECT count(*) FROM standby.facts');
    const waiting = () =>
      until('somebody to wait for a standby', async () =>
        (await server.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")).length > 0
          ? true
          : null,
      );
    await waiting();
    expect(await count()).toEqual([{ count: '1' }]);
    await server.kill();
    await server.restart();
    // It is seen now, and would be gone with this server.
    expect(await count()).toEqual([{ count: '2' }]);
    const end = follower.end();
    await waiting();
    expect(await Promise.race([appended, end, 'waits'])).toBe('waits');
    expect(acknowledged).toBe(false);
    // It is enough to be anybody for that.
    expect(
      await server.query(
        "SELECT has_function_privilege('pg_monitor', 'pg_logical_emit_message(boolean, text, text)', 'execute') AS may",
      ),
    ).toEqual([{ may: true }]);
    await standbys('');
    expect(await appended).toEqual({ appended: true, position: 2 });
    expect(await end).toBe(2);
    await Promise.all([log.close(), follower.close()]);
  });

  test('what it survives is what the server says, with synchronous_commit on for the log alone', async () => {
    const log = await open('durable');
    expect(await log.durability()).toEqual({
      level: 'synced',
      sentence:
        'Each append is synced to the disk of the server alone: the loss of that disk is the loss of the log (synchronous_commit is on).',
    });
    await log.close();
    expect(durabilityOf({ fsync: 'off', commit: 'on', standbys: '' }).level).toBe('delayed');
    expect(durabilityOf({ fsync: 'on', commit: 'on', standbys: 'ANY 1 (b, c)' }).sentence).toMatch(
      /and of its synchronous standbys \(ANY 1 \(b, c\)\)/,
    );
  });

  test('a coordinator waits at its start for a server that is away, is not ready meanwhile, and says what is wrong elsewhere', async () => {
    const late = await PostgresServer.start();
    onTestFinished(() => late.stop());
    await late.kill();
    const metricsAddress = `127.0.0.1:${await freePort()}`;
    const log = { kind: 'postgres' as const, url: late.url() };
    const starting = start({ log, metricsAddress });
    const health = async (path: string) => {
      const response = await fetch(`http://${metricsAddress}${path}`);
      return `${response.status} ${await response.text()}`;
    };
    await until('health to answer', async () => await health('/healthz'));
    expect(await health('/readyz')).toMatch(
      /^503 the log is waited for: The log in postgres:.* ECONNREFUSED/,
    );
    await late.restart();
    await starting;
    expect(await health('/readyz')).toMatch(/^200 ok/);
    const url = late.url().replace('/postgres?', '/nowhere?');
    await expect(start({ log: { ...log, url } })).rejects.toThrow(/database "nowhere" does not exist/);
    const port = `127.0.0.1:${await freePort()}`;
    const nobody = { ...log, url: `postgres://ridgepoint@${port}/postgres` };
    await expect(start({ log: nobody, logWaitSeconds: 0.6 })).rejects.toThrow(/ECONNREFUSED/);
  });

  test('a server that is not there is said at once, without who logs in', async () => {
    const url = 'postgres://secretive@127.0.0.1:1/d';
    await expect(PostgresLog.open({ url, patienceSeconds: 10 })).rejects.toThrow(
      /^The log in postgres:\/\/127\.0\.0\.1:1\/d \(schema ridgepoint\) cannot be used: .*ECONNREFUSED/,
    );
  });
});
