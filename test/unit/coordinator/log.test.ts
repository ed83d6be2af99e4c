import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { Database, firstLibrary, LIBRARIES } from '../../../coordinator/log/sqlite/database.js';
import { SqliteLog } from '../../../coordinator/log/sqlite.js';
import { breakSentence, verifyLog } from '../../../coordinator/log/verify.js';
import { sharedFolder } from '../../support/folder.js';
import { logContract } from './log.contract.js';
import { logFaults } from './log.faults.js';
import { recorded, submitted } from './log-facts.js';

const folder = sharedFolder();
let files = 0;

const freshPath = (): string => join(folder, `${files++}`, 'log.sqlite');

const UNTOUCHED = {
  loseAnswers: null,
  silence: null,
  delayAnswers: null,
  restart: null,
  close: async () => undefined,
};

logContract('memory log', async () => new MemoryLog());
logFaults('memory log', async () => {
  let opened = false;
  return {
    ...UNTOUCHED,
    open: async () => {
      if (opened) throw new Error('it is in use by another process, for there is no other');
      opened = true;
      return new MemoryLog();
    },
    damageLast: null,
    loseLast: null,
  };
});
describe.each(LIBRARIES)('SQLite log with $name', ({ name, find }) => {
  const library = find();
  if (library === null) {
    test.skip(`needs a Node.js that has it (node:sqlite: 22.13), or the package`);
    return;
  }
  const openLog = (path: string, maxBytes: number | null = null): SqliteLog =>
    new SqliteLog(path, { maxBytes, library });
  logContract('in short', async () => openLog(freshPath()));
  logFaults('SQLite log', async () => {
    const path = freshPath();
    const change = async (sql: string): Promise<void> => {
      const raw = new Database(path, library);
      raw.exec(`${sql} WHERE position = (SELECT max(position) FROM facts)`);
      raw.close();
    };
    return {
      ...UNTOUCHED,
      open: async () => openLog(path),
      damageLast: () => change("UPDATE facts SET head = replace(head, 'test', 'tesu')"),
      loseLast: () => change('DELETE FROM facts'),
    };
  });

  test('an entry that somebody wrote without a checksum is told', async () => {
    const log = openLog(freshPath());
    await log.append([submitted('a'), recorded('t1')], 0);
    const links = async function* () {
      for await (const link of log.links(0)) yield link.first === 2 ? { ...link, chain: null } : link;
    };
    const { breaks } = await verifyLog({ end: () => log.end(), links });
    expect(breaks.map(breakSentence)).toEqual(['Entry 2 has no checksum: somebody else wrote it.']);
    await log.close();
  });

  test('shows an entry when it is on the disk, and not before', async () => {
    const log = openLog(freshPath());
    const appending = log.append([submitted('a')], 0);
    expect(await log.end()).toBe(0);
    const ended = log.append([submitted('b')], 1).then(() => log.end());
    await appending;
    expect(await log.end()).toBeGreaterThanOrEqual(1);
    expect(await ended).toBe(2);
    await Promise.all([log.append([submitted('c')], 2), log.close()]);
    await log.close();
  });

  test('a reopened file has everything', async () => {
    const path = freshPath();
    const first = openLog(path);
    await first.append([submitted('a'), recorded('t1')], 0);
    await first.close();
    const second = openLog(path);
    expect(await second.end()).toBe(2);
    expect(await second.append([recorded('t1')], 2)).toEqual({ appended: true, position: 2 });
    await second.close();
  });

  test('what was acknowledged survives kill -9, without gaps', async () => {
    const path = freshPath();
    const writer = spawn(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, 'log-writer.ts'), path, name],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let acknowledged = 0;
    writer.stdout.on('data', (chunk: Buffer) => {
      const complete = chunk.toString().split('\n').slice(0, -1);
      acknowledged = Number(complete.at(-1) ?? acknowledged);
      if (acknowledged >= 20) writer.kill('SIGKILL');
    });
    await once(writer, 'close');
    const log = openLog(path);
    expect(acknowledged).toBeGreaterThanOrEqual(20);
    expect(await log.end()).toBeGreaterThanOrEqual(acknowledged);
    const positions: number[] = [];
    for await (const entry of log.read(0, 'full')) positions.push(entry.position);
    expect(positions).toEqual(positions.map((_, index) => index + 1));
    await log.close();
  });

  test('a full disk is one sentence, and nothing is half-written', async () => {
    const log = openLog(freshPath(), 64 * 1024);
    let end = 0;
    const fill = async (): Promise<never> => {
      for (;;) {
        const outcome = await log.append([recorded(`t${end}`), recorded(`u${end}`)], end);
        end = outcome.position;
      }
    };
    await expect(fill()).rejects.toMatchObject({
      failure: {
        code: 'disk-full',
        message: expect.stringMatching(/^The disk that holds the log .* is full\.$/),
      },
    });
    expect(end).toBeGreaterThan(0);
    expect(await log.end()).toBe(end);
    await log.close();
  });

  test('a full log is tried in vain, and one that is tried often does not grow', async () => {
    const full = { failure: { code: 'disk-full' } };
    const path = freshPath();
    const log = openLog(path, 256 * 1024);
    await expect(log.probe(256 * 1024)).rejects.toMatchObject(full);
    for (let time = 0; time < 20; time += 1) await log.probe(100 * 1024);
    await expect(log.probe(256 * 1024)).rejects.toMatchObject(full);
    // What was tried is free again: an append of that size fits.
    expect(await log.append([submitted('t'.repeat(40 * 1024))], 0)).toMatchObject({ appended: true });
    await expect(log.probe(200 * 1024)).rejects.toMatchObject(full);
    await log.close();
    const again = openLog(path);
    expect(await again.end()).toBe(1);
    await again.close();
  });

  test.each([2, 99])('a file of schema version %i is refused with a sentence', async (version) => {
    const path = freshPath();
    await openLog(path).close();
    const raw = new Database(path, library);
    raw.prepare("UPDATE meta SET value = ? WHERE key = 'schema'").run(version);
    raw.close();
    expect(() => openLog(path)).toThrow(`has schema version ${version}; this Ridgepoint reads 1.`);
  });

  test.each([1, 40, 99])('a gap is an error with its entry, never an end: entry %i', async (missing) => {
    const path = freshPath();
    const log = openLog(path);
    await log.append(
      Array.from({ length: 100 }, (_, i) => recorded(`t${i}`)),
      0,
    );
    await log.close();
    const raw = new Database(path, library);
    raw.prepare('DELETE FROM facts WHERE position = ?').run(missing);
    raw.close();
    const damaged = openLog(path);
    const never = new AbortController().signal;
    for (const detail of ['head', 'row', 'full'] as const) {
      for (const entries of [damaged.read(0, detail), damaged.follow(0, never, detail)]) {
        const seen: number[] = [];
        const reading = (async () => {
          for await (const { position } of entries) seen.push(position);
        })();
        await expect(reading).rejects.toThrow(
          new RegExp(`has no entry ${missing}: entry ${missing + 1} comes in its place`),
        );
        expect(seen).toHaveLength(missing - 1);
      }
    }
    await damaged.close();
  });

  test('a log that is closed meanwhile gives no more of its file', async () => {
    const log = openLog(freshPath());
    await log.append(
      Array.from({ length: 100 }, (_, i) => recorded(`t${i}`)),
      0,
    );
    const reading = (async () => {
      for await (const { position } of log.read(0, 'full')) if (position === 1) await log.close();
    })();
    await expect(reading).rejects.toThrow(/^The log .* was closed while it was read\.$/);
  });

  test('a second process (or coordinator) is told that the file is in use', async () => {
    const path = freshPath();
    const log = openLog(path);
    expect(() => openLog(path)).toThrow(/is in use by another process/);
    await log.close();
    await openLog(path).close();
  });

  test('a file that is no log is named', () => {
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'these are my notes, and more than a hundred bytes of them. '.repeat(20));
    expect(() => openLog(path)).toThrow(/notes\.txt is not a readable log/);
  });
});

test('a machine without any SQLite is told in a sentence what to do', () => {
  const none = LIBRARIES.map(({ name }) => ({ name, find: () => null }));
  expect(() => firstLibrary(none)).toThrow(
    /^Node\.js v[\d.]+ has no SQLite built in, and the package @photostructure\/sqlite is missing/,
  );
});
