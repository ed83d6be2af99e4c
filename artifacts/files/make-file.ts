import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { failed } from '../../core/errors.js';
import type { ProgressReport } from '../../process/isolation/job.js';
import type { ChildState } from '../../process/isolation/messages.js';
import { type BuiltFile, buildFile, type Launcher } from './build-file.js';
import { rememberOrigin } from './lineage.js';
import type { ModelSettings, ResolvedModel } from './resolve.js';
import type { Step } from './step.js';

/** Work that somebody waits for may take the whole machine, and a day. */
export const UNBOUND = { cpus: [], timeLimitSeconds: 86_400 } as const;

/**
 * Whoever typed a command waits for its work: where it is shown, and what starts its children so that Ctrl-C
 * ends them.
 */
export interface Foreground {
  readonly launcher: Launcher;
  /** Tells people a sentence. */
  say(sentence: string): void;
  /** Shows how far a piece of work is, for as long as it takes. */
  showing<T>(what: string, work: (onProgress: (done: number, of: number) => void) => Promise<T>): Promise<T>;
  /** Shows how much of a model has come. @param update is given null where nobody knows how much it is. */
  fetching(source: string): { update(doneBytes: number, totalBytes: number | null): void; end(): void };
}

/** Where such work finds models, and what it may fetch. */
export interface Attended extends ModelSettings, Foreground {}

/** A step of a sweep alone, into a file that the user names. */
export interface FileToMake {
  readonly path: string;
  /** What it is made of. */
  readonly of: Pick<ResolvedModel, 'digest'> & { readonly path: string };
  readonly step: Pick<Step, 'taskFor'>;
  /** Other files and folders that it is made of, which it must not replace either. */
  readonly alsoOf?: readonly string[];
  /** What the file may need on the disk. */
  readonly bytes: number;
  /** The step, for messages: `q4_k_m`. */
  readonly what: string;
  /** What the progress line says. */
  readonly line: string;
  readonly threads?: number;
}

/**
 * Makes it in a child, and remembers what it was made of.
 * @throws FailureError as `buildFile`; `impossible-combination` when it would replace its own input, or a
 *   folder that holds what it is made of.
 */
export async function makeFile(
  { path, of: { path: inputPath, digest }, step, alsoOf = [], bytes, what, line, threads }: FileToMake,
  { launcher, showing, cacheFolder }: Pick<Attended, 'launcher' | 'showing' | 'cacheFolder'>,
): Promise<BuiltFile> {
  const refused = (message: string, hint: string) => failed('impossible-combination', message, hint);
  if (sameFile(path, inputPath)) throw refused('the output is the input', 'Name another file.');
  const lost = [inputPath, ...alsoOf].find((one) => isWithin(one, path));
  if (lost !== undefined)
    throw refused(`the output would replace ${lost}, of which it is made`, 'Name another place.');
  const context = { ...UNBOUND, launcher, ...(threads !== undefined && { threads }) };
  const task = await step.taskFor(inputPath, digest, context);
  const making = { path, bytes, task, what, cpus: [], timeLimitSeconds: null };
  const made = await showing(line, (onProgress) =>
    buildFile({ ...making, onMessage: progressTo(onProgress) }, launcher),
  );
  await rememberOrigin(path, inputPath, cacheFolder);
  return made;
}

/** @returns what hears the messages of a child that tells how far it is. */
export const progressTo =
  (onProgress: (done: number, of: number) => void) => (message: ChildState | ProgressReport) => {
    if (message.type === 'progress') onProgress(message.done, message.of);
  };

/** @returns whether something is what stands at a path, or lies in it, by whatever names and links. */
function isWithin(inner: string, path: string): boolean {
  if (!existsSync(inner)) return false;
  for (let at = realpathSync(inner); ; at = dirname(at)) {
    if (sameFile(at, path)) return true;
    if (at === dirname(at)) return false;
  }
}

function sameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}
