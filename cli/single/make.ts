import { statSync } from 'node:fs';
import { type BuiltFile, buildFile } from '../../agent/artifacts/build-file.js';
import { rememberOrigin } from '../../agent/artifacts/lineage.js';
import type { TaskFor } from '../../agent/artifacts/step.js';
import { cacheFolder } from '../../agent/native/engines/location.js';
import { usageError } from '../exit.js';
import { stepProgress } from './step-progress.js';
import { stoppable } from './stoppable.js';

/** One step of a sweep alone, into a file that the user names. */
export interface SingleStep {
  readonly path: string;
  readonly inputPath: string;
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
 * @throws CommandError (2) when it would replace its own input; FailureError as `makeFile`.
 */
export async function makeAlone({
  path,
  inputPath,
  bytes,
  what,
  line,
  task,
}: SingleStep): Promise<BuiltFile> {
  if (sameFile(path, inputPath)) throw usageError('the output is the input', 'Name another file.');
  const progress = stepProgress(process.stderr, line);
  const onMessage: Parameters<typeof buildFile>[0]['onMessage'] = (message) => {
    if (message.type === 'progress') progress.step(message.done, message.of);
  };
  const making = { path, bytes, task, what, cpus: [], timeLimitSeconds: null, onMessage };
  const made = await buildFile(making, stoppable).finally(() => progress.end());
  await rememberOrigin(path, inputPath, cacheFolder());
  return made;
}

function sameFile(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => statSync(path, { throwIfNoEntry: false }));
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}
