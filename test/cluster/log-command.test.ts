import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../coordinator/log/sqlite/database.js';
import { SqliteLog } from '../../coordinator/log/sqlite.js';
import { startCoordinator } from '../../coordinator/main.js';
import { connectControl } from '../../proto/client.js';
import { fillLog } from '../support/filled-log.js';
import { sharedFolder } from '../support/folder.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { hasPostgres, PostgresServer } from '../support/postgres-server.js';
import { ridgeHere } from '../support/ridge-here.js';
import { fakeSweep, submission } from '../support/sweeps.js';
import { recorded, submitted } from '../unit/coordinator/log-facts.js';

const folder = sharedFolder();
const path = (name: string): string => join(folder, name);

test('each place where a log is damaged has a sentence, and the exit code says that there is one', async () => {
  const file = path('damaged.sqlite');
  const log = new SqliteLog(file);
  await log.append([submitted('a'), ...Array.from({ length: 8 }, (_, index) => recorded(`t${index}`))], 0);
  await log.close();
  expect(await ridgeHere(['log', 'verify', file])).toMatchObject({
    code: 0,
    stdout: '9 entries, and nothing is wrong.\n',
  });
  const raw = new Database(file);
  raw.exec("UPDATE facts SET raw_json = replace(raw_json, '[', '[ ') WHERE position IN (3, 4)");
  raw.exec('DELETE FROM facts WHERE position = 6');
  raw.close();
  const { code, stdout } = await ridgeHere(['log', 'verify', file]);
  expect([code, stdout.split('\n')]).toEqual([
    1,
    [
      'Entries 3 to 4 are not what was written: content and checksum do not agree.',
      'Entry 6 is missing, though later ones are there.',
      '8 entries, and something is wrong at 2 places.',
      '',
    ],
  ]);
  const json = await ridgeHere(['log', 'verify', file, '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({
    breaks: [{ kind: 'changed' }, { kind: 'missing', first: 6 }],
  });
});

test.each([
  [['verify', path('nowhere.sqlite')], 2, /There is no log .*nowhere\.sqlite/],
  [['verify', 'memory'], 2, /A log in memory is gone with its process/],
  [['copy', path('nowhere.sqlite'), path('other.sqlite')], 2, /There is no log/],
  [['verify', 'postgres://me:hunter2@db/d'], 1, /^(?!.*hunter2)[\s\S]*holds a password/],
])('%j is refused in a sentence', async (words, code, sentence) => {
  const answer = await ridgeHere(['log', ...words]);
  expect([answer.code, answer.stderr]).toEqual([code, expect.stringMatching(sentence)]);
});

describe.skipIf(!hasPostgres || !hasNatsServer)('needs PostgreSQL and nats-server', () => {
  let postgres: PostgresServer;
  let nats: NatsServer;
  beforeAll(async () => {
    [postgres, nats] = await Promise.all([PostgresServer.start(), NatsServer.start()]);
  });
  afterAll(async () => {
    await Promise.all([postgres.stop(), nats.stop()]);
  });

  test('a log goes from kind to kind, and a coordinator starts from the file at the end', async () => {
    await fillLog(path('first.sqlite'), { results: 2 });
    const places = [
      path('first.sqlite'),
      postgres.url('schema=copied'),
      `${nats.url}?stream=COPIED`,
      path('snapshot.sqlite'),
    ];
    const digests = new Set<string>();
    for (const [index, to] of places.slice(1).entries()) {
      const { code, stdout, stderr } = await ridgeHere(['log', 'copy', places[index]!, to, '--json']);
      expect([code, stderr]).toEqual([0, '']);
      digests.add((JSON.parse(stdout) as { digest: string }).digest);
      expect(await ridgeHere(['log', 'verify', to])).toMatchObject({ code: 0 });
    }
    expect(digests.size).toBe(1);
    // Once more copies nothing.
    const again = await ridgeHere(['log', 'copy', places[1]!, places[2]!]);
    expect(again.stdout).toMatch(/^0 entries copied after the \d+ that were there; both logs hold the same/);

    const sweepsOf = async (file: string) => {
      const log = { kind: 'sqlite' as const, path: file };
      const coordinator = await startCoordinator({
        grpcAddress: '127.0.0.1:0',
        metricsAddress: null,
        log,
        logLevel: 'silent',
      });
      const control = connectControl({ address: coordinator.grpcAddress, security: { kind: 'plaintext' } });
      const { sweeps } = await control.listSweeps();
      await control.submitSweep(submission(fakeSweep(1, { name: 'more' })));
      control.close();
      await coordinator.stop('over');
      return sweeps;
    };
    const sweeps = await sweepsOf(path('snapshot.sqlite'));
    expect(sweeps.length).toBeGreaterThan(0);
    expect(sweeps).toEqual(await sweepsOf(path('first.sqlite')));
  });
});
