/**
 * The child process: takes one job, does it, answers, exits. Native code may abort it at any moment, and its
 * event loop stands still while it computes; the parent knows both. It must never listen for SIGSEGV: with a
 * listener in place Node would spin for ever instead of dying.
 */
import module from 'node:module';
import { join } from 'node:path';
import { failure, toFailure } from '../core/errors.js';
import { cacheFolder } from '../engines/native/engines/location.js';
import { readAffinity } from '../process/device/affinity.js';
import { openChannel } from '../process/isolation/channel.js';
import type { ChildState, LastMessage, StartMessage } from '../process/isolation/messages.js';
import { JOBS } from './jobs.js';

/** The parent died: nobody is left to hear the answer. */
const EXIT_ORPHANED = 70;

async function work({ job: name, request }: StartMessage): Promise<LastMessage> {
  const job = JOBS.find((known) => known.name === name);
  if (job === undefined) return { type: 'failed', failure: failure('internal', `there is no job ${name}`) };
  // Whoever named the job made the request for it: the compiler cannot know which of them was started.
  return { type: 'answer', answer: await job.run(request as never, channel) };
}

// Each trial is a process: what the first one compiled need not be compiled again. From Node.js 22.1 on.
const { enableCompileCache } = module as { enableCompileCache?: (folder: string) => unknown };
enableCompileCache?.(join(cacheFolder(), 'compiled'));

let begun = false;
const channel = openChannel((message) => {
  if (begun) return;
  begun = true;
  process.send?.({ type: 'ready', affinity: readAffinity('self') } satisfies ChildState);
  work(message)
    .catch((error): LastMessage => ({ type: 'failed', failure: toFailure(error) }))
    .then((answer) => process.send?.(answer, () => process.exit(0)))
    .catch(() => process.exit(1));
});
process.on('disconnect', () => process.exit(EXIT_ORPHANED));
