import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SqliteLog } from '../../../coordinator/log/sqlite.js';
import { type ResultRecord, resultSchema } from '../../../core/result/result.js';
import { type Finished, type Running, startRidge } from '../../support/ridge.js';
import { freePort } from '../../support/services.js';

/** One wrong thing a user may do. `run` gives what was not as it should be; empty = as it should. */
export interface Case {
  readonly name: string;
  run(ground: Ground): Promise<readonly string[]>;
}

/** Thrown by a case that this machine cannot show. */
export class NotRun extends Error {
  override readonly name = 'NotRun';
}

export interface Timed extends Finished {
  readonly seconds: number;
}

const MARK = 'RIDGEPOINT_BAD_INPUT';

/** A folder of its own for one case, and every process that came of it. */
export class Ground {
  readonly folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bad-input-'));
  readonly #mark = randomBytes(8).toString('hex');
  readonly #closers: (() => void)[] = [];

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    writeFileSync(path, content);
    return path;
  }

  remove(...names: string[]): void {
    rmSync(this.path(...names), { recursive: true, force: true });
  }

  /** Done after the case has been looked at, whatever came of it. */
  atEnd(close: () => void): void {
    this.#closers.unshift(close);
  }

  start(args: readonly string[], env: Record<string, string> = {}): Running {
    mkdirSync(this.path('cache'), { recursive: true });
    const own = { XDG_CACHE_HOME: this.path('cache'), XDG_STATE_HOME: this.path('state') };
    const { RIDGE_COORDINATOR: _, ...rest } = env;
    return startRidge(args, { cwd: this.folder, env: { ...own, ...rest, [MARK]: this.#mark } });
  }

  /** Starts a coordinator that serves only agents and tools. @returns its address, once it answers there. */
  async coordinator(): Promise<string> {
    const address = `127.0.0.1:${await freePort()}`;
    const off = ['--metrics', 'off', '--web', 'off'];
    const running = this.start(['coordinator', '--listen', address, ...off, '--data', 'c']);
    await running.says(/agents and tools at/);
    return address;
  }

  /** Runs to the end; one that does not end within `limitSeconds` is killed and has no exit code. */
  async ridge(args: readonly string[], env: Record<string, string> = {}, limitSeconds = 90): Promise<Timed> {
    const began = performance.now();
    const running = this.start(args, env);
    const timer = setTimeout(() => running.process.kill('SIGKILL'), limitSeconds * 1000);
    const finished = await running.ended;
    clearTimeout(timer);
    return { ...finished, seconds: (performance.now() - began) / 1000 };
  }

  /** What the case left behind: processes, locks, drafts, logs that do not open. */
  async leftovers(): Promise<string[]> {
    // Workers end a moment after their parent.
    for (let i = 0; i < 30 && this.#processes().length > 0; i++) await sleep(100);
    const found = this.#processes().map((what) => `left running: ${what}`);
    const files = readdirSync(this.folder, { recursive: true, encoding: 'utf8' });
    for (const file of files) {
      if (/running\.pid$|\.lock$|\.draft$|\.new$/.test(file)) found.push(`left behind: ${file}`);
      if (file.endsWith('.sqlite')) found.push(...(await unreadableLog(this.path(file))));
    }
    return found;
  }

  /** Asks everything that still runs to stop, as an operator does. @returns what does not within 20 s. */
  async interruptAll(): Promise<string[]> {
    for (const pid of this.#pids()) process.kill(pid, 'SIGTERM');
    for (let i = 0; i < 200 && this.#pids().length > 0; i++) await sleep(100);
    return this.#processes().map((what) => `does not stop: ${what}`);
  }

  close(): void {
    for (const pid of this.#pids()) process.kill(pid, 'SIGKILL');
    for (const close of this.#closers) close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #processes(): string[] {
    return this.#pids().flatMap((pid) => {
      try {
        return [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`];
      } catch {
        return [];
      }
    });
  }

  /** Every process that inherited the mark of this ground, whoever its parent is now. */
  #pids(): number[] {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return pids.map(Number).filter((pid) => {
      try {
        // A process that is being reaped has an empty environment.
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`${MARK}=${this.#mark}`);
      } catch {
        return false;
      }
    });
  }
}

async function unreadableLog(path: string): Promise<string[]> {
  let log: SqliteLog | null = null;
  try {
    log = new SqliteLog(path);
    for await (const _ of log.read(0, 'full'));
    return [];
  } catch (error) {
    return [`the log does not open: ${(error as Error).message}`];
  } finally {
    await log?.close();
  }
}

/** Records of a results file, each checked against the schema. */
export function records(folder: string, file = 'results.jsonl'): ResultRecord[] {
  const path = join(folder, file);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => resultSchema.parse(JSON.parse(line)));
}
