import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Failure, FailureError, failed } from '../../core/errors.js';
import { requireRoom } from '../../formats/whole-file.js';
import type { ChildMessage, ProgressReport, Task } from '../../process/isolation/job.js';
import type { Ending, LaunchRequest } from '../../process/isolation/launch.js';
import type { Learned } from '../../process/isolation/learned.js';
import { withLock } from './lock.js';
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
 * always complete; of one that could not be made, nothing is left. One process at a time makes a file.
 * @throws FailureError `artifact-failed`, `disk-full`, or what the child died of.
 */
export async function buildFile(making: BuildRequest, launcher: Launcher): Promise<BuiltFile> {
  try {
    return await withLock(`${making.path}.draft.lock`, () => build(making, launcher));
  } catch (error) {
    throw storageFailure(error);
  }
}

async function build(making: BuildRequest, launcher: Launcher): Promise<BuiltFile> {
  const { path, bytes, task, what, cpus, timeLimitSeconds, onMessage } = making;
  const draft = `${path}.${process.pid}.draft`;
  const began = performance.now();
  try {
    await dropDrafts(path);
    await requireRoom(dirname(path), bytes);
    const limits = { cpus, timeLimitSeconds, memoryLimitBytes: null };
    const ending = await launcher({ task: task(draft), ...limits, ...(onMessage && { onMessage }) }).ended;
    if (ending.failure !== null) throw new FailureError(asArtifactFailure(ending.failure, what));
    const seconds = (performance.now() - began) / 1000;
    for (const file of filesOf(draft)) await onDisk(file);
    // A folder takes no other's place by itself; what is there is an older one that was damaged.
    if ((await stat(draft)).isDirectory()) await rm(path, { force: true, recursive: true });
    await rename(draft, path);
    return { seconds, ...ending.answer };
  } finally {
    await dropDrafts(path);
  }
}

/**
 * After a power cut a name must not stand for zeros; and what is written back later would disturb the trial.
 */
async function onDisk(path: string): Promise<void> {
  const file = await open(path, 'r');
  await file.sync().finally(() => file.close());
}

/**
 * Removes drafts that a killed process left of the same file; it may have had the id of this process. Its
 * children may have left drafts of drafts, and folders that they worked with. The lock says that nobody is
 * writing one now.
 */
async function dropDrafts(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(`${basename(path)}.`))) {
    if (/^\.\d+\.draft(?:\.|$)/.test(name.slice(basename(path).length)))
      await rm(join(dirname(path), name), { force: true, recursive: true });
  }
}

/** Its own code where it tells more (memory, time, stopping), `artifact-failed` for the rest. */
function asArtifactFailure(reason: Failure, what: string): Failure {
  if (/no space left|ENOSPC/i.test(`${reason.message} ${reason.stderrTail ?? ''}`))
    return { ...reason, code: 'disk-full', message: `the disk filled up while ${what} was being made` };
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
  return failed(kind, `the artifact could not be stored: ${message}`, hint, { cause: error });
}
