import { existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type BuiltFile, buildFile } from '../../artifacts/files/build-file.js';
import { rememberOrigin } from '../../artifacts/files/lineage.js';
import type { TaskFor } from '../../artifacts/files/step.js';
import { cacheFolder } from '../../engines/native/engines/location.js';
import { usageError } from '../exit.js';
import { stepProgress } from './step-progress.js';
import { stoppable } from './stoppable.js';

/** One step of a sweep alone, into a file that the user names. */
export interface SingleStep {
  readonly path: string;
  readonly inputPath: string;
  /** Other files and folders that it is made of, which it must not replace either. */
  readonly alsoOf?: readonly string[];
  /** What the file may need on the disk. */
  readonly bytes: number;
  /** The step, for messages: `q4_k_m`. */
  readonly what: string;
  /** What the progress line says. */
  readonly line: string;
  readonly task: TaskFor;
}

/**
 * Makes the file in a child, with progress on stderr.
 * @throws CommandError (2) when it would replace its own input, or a folder that holds what it is made of; FailureError as `makeFile`.
 */
export async function makeAlone({
  path,
  inputPath,
  alsoOf = [],
  bytes,
  what,
  line,
  task,
}: SingleStep): Promise<BuiltFile> {
  if (sameFile(path, inputPath)) throw usageError('the output is the input', 'Name another file.');
  const lost = [inputPath, ...alsoOf].find((one) => isWithin(one, path));
  if (lost !== undefined)
    throw usageError(`the output would replace ${lost}, of which it is made`, 'Name another place.');
  const progress = stepProgress(process.stderr, line);
  const onMessage: Parameters<typeof buildFile>[0]['onMessage'] = (message) => {
    if (message.type === 'progress') progress.step(message.done, message.of);
  };
  const making = { path, bytes, task, what, cpus: [], timeLimitSeconds: null, onMessage };
  const made = await buildFile(making, stoppable).finally(() => progress.end());
  await rememberOrigin(path, inputPath, cacheFolder());
  return made;
}

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
