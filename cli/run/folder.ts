import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FailureError } from '../../core/errors.js';
import { pointsId } from '../../core/sweep/identity.js';
import { parseSweep } from '../../core/sweep/parse.js';
import { VERSION } from '../../process/package.js';
import { usageError, workError } from '../exit.js';
import { say } from '../output/print.js';
import { ANSWERS, FILES, writeWhole } from '../report/run-folder.js';
import type { SweepFile } from '../sweep-file.js';

/** A folder that this process, and no other, is running a sweep in. */
export interface RunFolder {
  readonly path: string;
  readonly log: string;
  /** Where the agent keeps what is not acknowledged yet. */
  readonly agent: string;
  /** Writes down that the run came to its end. */
  end(): void;
  release(): void;
}

const LOCK = 'running.pid';
/** The log of a run, in its folder. */
export const LOG = 'log.sqlite';

/** What `run.json` in a folder says. */
export interface RunNote {
  /** What was typed: a sweep file, a model, or the command that made the sweep. */
  readonly file: string;
  readonly startedAt: string;
  /** null before its end, and for ever where it was interrupted. */
  readonly endedAt: string | null;
  readonly version: string;
}

/**
 * Opens the folder of a run, making it when needed, and locks it; the lock of a process that is gone is
 * taken over. Where it holds another sweep of this name, that is said.
 * @param fresh forget what the folder holds.
 * @throws CommandError 1 when another run is at work there or the disk is full, 2 when it cannot be a folder
 *   of ours.
 */
export function openRunFolder(
  path: string,
  { document, typed }: Pick<SweepFile, 'document' | 'typed'>,
  fresh: boolean,
): RunFolder {
  const { release } = lockFolder(path);
  const note: RunNote = {
    file: typed,
    startedAt: new Date().toISOString(),
    endedAt: null,
    version: VERSION,
  };
  try {
    if (fresh) {
      const kept = [LOG, `${LOG}-wal`, `${LOG}-shm`, 'agent', ANSWERS, ...Object.values(FILES)];
      for (const name of kept) rmSync(join(path, name), { recursive: true, force: true });
    }
    requireLog(path);
    sayReplaced(path, document);
    writeWhole(join(path, FILES.sweep), document);
    writeNote(path, note);
  } catch (error) {
    release();
    throw folderError(error, path);
  }
  return {
    path,
    log: join(path, LOG),
    agent: join(path, 'agent'),
    end: () => writeNote(path, { ...note, endedAt: new Date().toISOString() }),
    release,
  };
}

function writeNote(path: string, note: RunNote): void {
  writeWhole(join(path, FILES.run), `${JSON.stringify(note)}\n`);
}

/**
 * @throws CommandError (2) where results have lost the log that a run goes on from: it would measure again,
 *   and put its own in their place.
 */
function requireLog(path: string): void {
  if (existsSync(join(path, LOG)) || !existsSync(join(path, FILES.results))) return;
  throw usageError(
    `${path} has ${FILES.results}, and not the ${LOG} that it was written from: a run would begin again and replace it`,
    `Put ${LOG} back, name another folder with --out, or measure everything again with --fresh.`,
  );
}

/**
 * Says where the folder has results of other points than those of this sweep: its files are of one sweep
 * alone.
 */
function sayReplaced(path: string, document: string): void {
  const [sweep, results] = [join(path, FILES.sweep), join(path, FILES.results)];
  if (!existsSync(sweep) || !existsSync(results)) return;
  const [before, now] = [parseSweep(readFileSync(sweep, 'utf8')), parseSweep(document)];
  if (!before.ok || !now.ok || pointsId(before.sweep) === pointsId(now.sweep)) return;
  say(
    `${path} holds results of other points: ${FILES.results} and ${FILES.page} are of this sweep from now on, and the others stay in its log; --out keeps both`,
  );
}

/**
 * Makes and locks a folder that starts are kept in, as `openRunFolder` does. @throws CommandError as there.
 */
export function lockFolder(path: string): Pick<RunFolder, 'release'> {
  try {
    makeFolders(path);
    lock(join(path, LOCK), path);
  } catch (error) {
    throw folderError(error, path);
  }
  return { release: () => rmSync(join(path, LOCK), { force: true }) };
}

/** Turns a failed write into a sentence with the next step; other errors stay as they are. */
export function folderError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  const full = error instanceof FailureError && error.failure.code === 'disk-full';
  if (full || code === 'ENOSPC' || code === 'EDQUOT') {
    return workError(
      `the disk of ${path} is full`,
      'Free some space and run the same command again: it goes on where it was.',
    );
  }
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return usageError(`${path} cannot be written (${code})`, 'Name another folder with --out.');
  }
  if (code === 'ENOENT' && (error as NodeJS.ErrnoException).syscall === 'mkdir') {
    return usageError(`${path} cannot be made there`, 'Name another folder with --out.');
  }
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return usageError(`${path} is not a folder`, 'Name another with --out.');
  return error;
}

/** Node's own recursive mkdir calls a read-only disk ENOENT, and never ends below /proc. */
function makeFolders(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolders(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another run may have made it just now.
    const made = (error as NodeJS.ErrnoException).code === 'EEXIST' && existsSync(path);
    if (!made) throw error;
  }
}

function lock(file: string, folder: string): void {
  for (;;) {
    try {
      const descriptor = openSync(file, 'wx');
      try {
        writeSync(descriptor, String(process.pid));
      } catch (error) {
        rmSync(file, { force: true });
        throw error;
      } finally {
        closeSync(descriptor);
      }
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(readFileSync(file, 'utf8'));
    if (isRidge(holder)) {
      throw workError(
        `another run (process ${holder}) is at work in ${folder}`,
        'Wait for it, or choose another folder with --out.',
      );
    }
    rmSync(file, { force: true });
  }
}

/** @returns whether a run is at work in a folder. */
export function isRunning(folder: string): boolean {
  const file = join(folder, LOCK);
  return existsSync(file) && isRidge(Number(readFileSync(file, 'utf8')));
}

/**
 * A process number may have been given to somebody else since; only a live `ridge run`, `bench` or `compare`
 * holds a lock.
 */
function isRidge(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return ['run', 'bench', 'compare'].some((command) => args.includes(command));
  } catch {
    // No /proc here: a live process of that number has to be believed.
    return process.platform !== 'linux';
  }
}
