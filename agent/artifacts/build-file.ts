import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Failure, FailureError, failure } from '../../core/errors.js';
import { requireRoom } from '../../formats/whole-file.js';
import type { ChildMessage, ProgressReport, Task } from '../isolation/job.js';
import type { Ending, LaunchRequest } from '../isolation/launch.js';
import type { Learned } from './learned.js';
import { isAlive, STALE_MILLISECONDS } from './owner.js';
import { filesOf } from './tree.js';

/** Starts a child; the caller can give its own, to stop the child with the trial. */
export type Launcher = <Answer, Report extends ChildMessage = never>(
  request: LaunchRequest<Answer, Report>,
) => { readonly ended: Promise<Ending<Answer>> };

/** One file, or a folder of files, to be made by a child. */
export interface BuildRequest {
  readonly path: string;
  /** What it may need on the disk. */
  readonly bytes: number;
  /** @param outputPath where the child writes; the file is moved from there. */
  readonly task: (outputPath: string) => Task<Learned, ProgressReport>;
  /** For sentences: what is made. */
  readonly what: string;
  readonly cpus: readonly number[];
  /** null = as long as it takes. */
  readonly timeLimitSeconds: number | null;
  readonly onMessage?: LaunchRequest<Learned, ProgressReport>['onMessage'];
}

export interface BuiltFile extends Learned {
  readonly seconds: number;
}

/**
 * Has a child make a file: written beside its place and moved there whole, so that a file under its name is
 * always complete; of one that could not be made, nothing is left.
 * @throws FailureError `artifact-failed`, `disk-full`, or what the child died of.
 */
export async function buildFile(making: BuildRequest, launcher: Launcher): Promise<BuiltFile> {
  const { path, bytes, task, what, cpus, timeLimitSeconds, onMessage } = making;
  const draft = `${path}.${process.pid}.draft`;
  const began = performance.now();
  try {
    await dropAbandoned(path);
    await requireRoom(dirname(path), bytes);
    const ending = await launcher({
      task: task(draft),
      cpus,
      timeLimitSeconds,
      memoryLimitBytes: null,
      ...(onMessage === undefined ? {} : { onMessage }),
    }).ended;
    if (ending.failure !== null) throw new FailureError(asArtifactFailure(ending.failure, what));
    const seconds = (performance.now() - began) / 1000;
    for (const file of filesOf(draft)) await onDisk(file);
    // A folder takes no other's place by itself; what is there is an older one that was damaged.
    if ((await stat(draft)).isDirectory()) await rm(path, { force: true, recursive: true });
    await rename(draft, path);
    return { seconds, ...ending.answer };
  } catch (error) {
    throw storageFailure(error);
  } finally {
    await dropDrafts(draft);
  }
}

/** After a power cut a name must not stand for zeros; and what is written back later would disturb the trial. */
async function onDisk(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A child that was killed may have left a draft of the draft, or a folder of what it worked with. */
async function dropDrafts(draft: string): Promise<void> {
  const names = await readdir(dirname(draft)).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(basename(draft)))) {
    await rm(join(dirname(draft), name), { force: true, recursive: true });
  }
}

/** Drafts of processes that were killed while they made the same file; what another host writes into the same folder is fresh. */
async function dropAbandoned(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(`${basename(path)}.`))) {
    const [, pid] = /^\.(\d+)\.draft(?:\.|$)/.exec(name.slice(basename(path).length)) ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const draft = join(dirname(path), name);
    const written = Math.max(
      ...(await Promise.all(filesOf(draft).map(async (file) => (await stat(file)).mtimeMs))),
    );
    if (Date.now() - written > STALE_MILLISECONDS) await rm(draft, { force: true, recursive: true });
  }
}

/** Its own code where it tells more (memory, time, stopping), `artifact-failed` for the rest. */
function asArtifactFailure(reason: Failure, what: string): Failure {
  if (/no space left|ENOSPC/i.test(`${reason.message} ${reason.stderrTail ?? ''}`)) {
    return { ...reason, code: 'disk-full', message: `the disk filled up while ${what} was being made` };
  }
  if (['out-of-memory', 'timed-out', 'cancelled', 'engine-missing', 'disk-full'].includes(reason.code))
    return reason;
  const message = `${what} could not be made: ${reason.message}`;
  // The same would be said anywhere and at any time.
  const final = ['impossible-combination', 'model-unsupported', 'model-unreadable'];
  if (final.includes(reason.code)) return { ...reason, message };
  return { ...reason, code: 'artifact-failed', message };
}

/** @returns an error of the file system as a failure; a failure as it is. */
export function storageFailure(error: unknown): unknown {
  if (error instanceof FailureError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const hint = 'Look at cacheFolder in the agent’s config.';
  const kind = code === 'ENOSPC' || code === 'EDQUOT' ? 'disk-full' : 'artifact-failed';
  return new FailureError(failure(kind, `the artifact could not be stored: ${message}`, { hint }), {
    cause: error,
  });
}
