import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SqliteLog } from '../../coordinator/log/sqlite.js';
import { connectControl } from '../../proto/client.js';
import { control, start } from '../support/coordinator.js';
import { fillLog } from '../support/filled-log.js';
import { sharedFolder } from '../support/folder.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { hasPostgres, PostgresServer } from '../support/postgres-server.js';
import { ridgeHere } from '../support/ridge-here.js';
import { fakeSweep, submission } from '../support/sweeps.js';

const folder = sharedFolder();
const path = (name: string): string => join(folder, name);
const BACKUP = path('log.backup');
/** The sweep, its results, and the key of leases. */
const ENTRIES = 5;

/** Sweeps of a coordinator on a log. */
async function sweepsOn(file: string) {
  const coordinator = await start({ log: { kind: 'sqlite', path: file } });
  const { sweeps } = await control(coordinator.grpcAddress).listSweeps();
  await coordinator.stop('asked');
  return sweeps;
}

beforeAll(async () => {
  await fillLog(path('log.sqlite'), { results: 3 });
});

test('a coordinator that runs is backed up and checked; what comes later is not in the backup', async () => {
  const { grpcAddress: at, stop } = await start({ log: { kind: 'sqlite', path: path('log.sqlite') } });
  const backup = await ridgeHere(['log', 'backup', BACKUP, '-c', at]);
  expect([backup.code, backup.stdout]).toEqual([
    0,
    `${ENTRIES} entries (1 submissions, 3 results) are in ${BACKUP}.\n`,
  ]);
  await control(at).submitSweep(submission(fakeSweep(1, { name: 'later' })));
  expect(await ridgeHere(['log', 'verify', '-c', at])).toMatchObject({
    code: 0,
    stdout: `${ENTRIES + 1} entries, and nothing is wrong.\n`,
  });
  const again = await ridgeHere(['log', 'backup', BACKUP, '-c', at]);
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('is there already')]);
  await stop('asked');

  expect((await ridgeHere(['log', 'verify', BACKUP])).stdout).toContain(
    `${ENTRIES} entries, and nothing is wrong.`,
  );
  const restored = await ridgeHere(['restore', BACKUP, '--into', path('restored.sqlite')]);
  expect([restored.code, restored.stderr]).toEqual([0, '']);
  expect(await ridgeHere(['log', 'verify', path('restored.sqlite')])).toMatchObject({ code: 0 });
  const [earlier] = await sweepsOn(path('log.sqlite'));
  expect(await sweepsOn(path('restored.sqlite'))).toEqual([earlier]);
});

test('reading goes on where it broke off, to the end as it was when it began', async () => {
  const log = { kind: 'sqlite' as const, path: path('long.sqlite') };
  // More than a client is sent ahead of what it reads.
  await fillLog(log.path, { results: 600 });
  const first = await start({ log });
  const reader = connectControl(
    { address: first.grpcAddress, security: { kind: 'plaintext' } },
    { seconds: 30, say: () => {} },
  );
  const ends = new Set<number>();
  const facts: string[] = [];
  let interrupted = false;
  for await (const { factsJson, end } of reader.readLog({ after: 0, until: 0 })) {
    ends.add(end);
    facts.push(...factsJson);
    if (interrupted || factsJson.length === 0) continue;
    interrupted = true;
    await first.stop('another one comes');
    const second = await start({ log, grpcAddress: first.grpcAddress });
    await control(second.grpcAddress).submitSweep(submission(fakeSweep(1, { name: 'later' })));
  }
  reader.close();
  // The sweep, its results, and the key of leases.
  expect([...ends]).toEqual([602]);
  const trials = facts.flatMap((json) => /"trialId":"([^"]+)"/.exec(json)?.[1] ?? []);
  expect([facts.length, trials.length, new Set(trials).size]).toEqual([602, 600, 600]);
});

test('a damaged log that is served says where, live', async () => {
  await fillLog(path('damaged.sqlite'), { results: 3 });
  const { Database } = await import('../../coordinator/log/sqlite/database.js');
  const raw = new Database(path('damaged.sqlite'));
  raw.exec("UPDATE facts SET raw_json = replace(raw_json, '[', '[ ') WHERE position = 3");
  raw.close();
  const { grpcAddress } = await start({ log: { kind: 'sqlite', path: path('damaged.sqlite') } });
  expect(await ridgeHere(['log', 'verify', '-c', grpcAddress])).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^Entry 3 is not what was written/),
  });
});

test('a backup that was cut or changed, a foreign file and a place in use are refused in a sentence', async () => {
  const whole = readFileSync(BACKUP);
  const lines = gunzipSync(whole).toString().split('\n');
  const files: Record<string, Buffer> = {
    'is not whole': whole.subarray(0, whole.length / 2),
    'its end is missing': gzipSync(`${lines.slice(0, 3).join('\n')}\n`),
    'does not hold what its manifest says': gzipSync(lines.toSpliced(2, 1).join('\n')),
    'has something behind its end': gzipSync(`${lines.join('\n')}{"fact":"SweepPaused"}\n`),
    'is no backup of a log': gzipSync('{"rows":[]}\n'),
    'no backup': Buffer.from('words'),
    'has format 2': gzipSync(lines.with(0, lines[0]!.replace('"format":1', '"format":2')).join('\n')),
  };
  for (const [sentence, bytes] of Object.entries(files)) {
    writeFileSync(path('bad.backup'), bytes);
    const answer = await ridgeHere(['restore', path('bad.backup'), '--into', path('never.sqlite')]);
    expect([answer.code, answer.stderr]).toEqual([1, expect.stringContaining(sentence)]);
  }
  expect(existsSync(path('never.sqlite'))).toBe(false);
  const before = readFileSync(path('log.sqlite'));
  const used = await ridgeHere(['restore', BACKUP, '--into', path('log.sqlite')]);
  expect([used.code, used.stderr]).toEqual([2, expect.stringContaining('is not empty')]);
  expect(readFileSync(path('log.sqlite')).equals(before)).toBe(true);
});

test('a restore that breaks off leaves no file that a coordinator would start from', async () => {
  const lines = gunzipSync(readFileSync(BACKUP)).toString().split('\n');
  // A result twice: no log takes it. The manifest fits.
  const { createHash } = await import('node:crypto');
  const facts = [...lines.slice(0, -2), lines[2]!];
  const sha256 = createHash('sha256')
    .update(facts.map((line) => `${line}\n`).join(''))
    .digest('hex');
  const { manifest } = JSON.parse(lines.at(-2)!) as { manifest: { entries: number } };
  const closed = { manifest: { ...manifest, entries: manifest.entries + 1, sha256 } };
  writeFileSync(path('twice.backup'), gzipSync(`${facts.join('\n')}\n${JSON.stringify(closed)}\n`));
  const answer = await ridgeHere(['restore', path('twice.backup'), '--into', path('broken.sqlite')]);
  expect([answer.code, answer.stderr]).toEqual([1, expect.stringContaining('holds a trial already')]);
  expect([existsSync(path('broken.sqlite')), existsSync(path('broken.sqlite.restoring'))]).toEqual([
    false,
    false,
  ]);
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

  test('each kind of log is restored, served, checked and backed up again with the same words', async () => {
    const places = [postgres.url('schema=restored'), `${nats.url}?stream=RESTORED`];
    const [original] = await sweepsOn(path('restored.sqlite'));
    for (const [index, place] of places.entries()) {
      const restored = await ridgeHere(['restore', BACKUP, '--into', place]);
      expect([restored.code, restored.stderr]).toEqual([0, '']);
      const used = await ridgeHere(['restore', BACKUP, '--into', place]);
      expect([used.code, used.stderr]).toEqual([2, expect.stringContaining('is not empty')]);
      const { logFrom } = await import('../../coordinator/config.js');
      const { grpcAddress: at, stop } = await start({ log: logFrom(place) });
      expect((await control(at).listSweeps()).sweeps).toEqual([original]);
      expect(await ridgeHere(['log', 'verify', '-c', at])).toMatchObject({ code: 0 });
      const file = path(`again-${index}.backup`);
      expect(await ridgeHere(['log', 'backup', file, '-c', at])).toMatchObject({ code: 0 });
      await stop('asked');
      const last = path(`again-${index}.sqlite`);
      expect(await ridgeHere(['restore', file, '--into', last])).toMatchObject({ code: 0 });
      const log = new SqliteLog(last);
      expect(await log.end()).toBe(ENTRIES);
      await log.close();
    }
  });
});
