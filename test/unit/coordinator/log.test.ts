import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, describe, expect, test } from 'vitest';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { SqliteLog } from '../../../coordinator/log/sqlite.js';
import { logContract } from './log.contract.js';
import { recorded, submitted } from './log-facts.js';

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const freshPath = (): string => join(folder, `${files++}`, 'log.sqlite');

logContract('memory log', async () => new MemoryLog());
logContract('SQLite log', async () => new SqliteLog(freshPath()));

describe('SQLite log on disk', () => {
  test('a reopened file has everything', async () => {
    const path = freshPath();
    const first = new SqliteLog(path);
    await first.append([submitted('a'), recorded('t1')], 0);
    await first.close();
    const second = new SqliteLog(path);
    expect(await second.end()).toBe(2);
    expect(await second.append([recorded('t1')], 2)).toEqual({ appended: true, position: 2 });
    await second.close();
  });

  test('what was acknowledged survives kill -9, without gaps', async () => {
    const path = freshPath();
    const writer = spawn(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, 'log-writer.ts'), path],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let acknowledged = 0;
    writer.stdout.on('data', (chunk: Buffer) => {
      const complete = chunk.toString().split('\n').slice(0, -1);
      acknowledged = Number(complete.at(-1) ?? acknowledged);
      if (acknowledged >= 20) writer.kill('SIGKILL');
    });
    await once(writer, 'close');
    const log = new SqliteLog(path);
    expect(acknowledged).toBeGreaterThanOrEqual(20);
    expect(await log.end()).toBeGreaterThanOrEqual(acknowledged);
    const positions: number[] = [];
    for await (const entry of log.read(0)) positions.push(entry.position);
    expect(positions).toEqual(positions.map((_, index) => index + 1));
    await log.close();
  });

  test('a full disk is one sentence, and nothing is half-written', async () => {
    const log = new SqliteLog(freshPath(), { maxBytes: 64 * 1024 });
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

  test('a file of a newer release is refused by version', async () => {
    const path = freshPath();
    await new SqliteLog(path).close();
    const raw = new Database(path);
    raw.prepare("UPDATE meta SET value = 99 WHERE key = 'schema'").run();
    raw.close();
    expect(() => new SqliteLog(path)).toThrow(/has schema version 99; this Ridgepoint reads up to 1/);
  });

  test('a second process (or coordinator) is told that the file is in use', async () => {
    const path = freshPath();
    const log = new SqliteLog(path);
    expect(() => new SqliteLog(path)).toThrow(/is in use by another process/);
    await log.close();
    await new SqliteLog(path).close();
  });

  test('a file that is no log is named', () => {
    const path = join(folder, 'notes.txt');
    writeFileSync(path, 'these are my notes, and more than a hundred bytes of them. '.repeat(20));
    expect(() => new SqliteLog(path)).toThrow(/notes\.txt is not a readable log/);
  });
});
