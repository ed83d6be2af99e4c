import type { QualityReport } from '../../agent/quality/jobs.js';
import type { Failure } from '../../core/errors.js';
import type { Task } from '../../process/isolation/job.js';
import { type Ending, launch } from '../../process/isolation/launch.js';
import { type CommandError, EXIT, fromFailure } from '../exit.js';
import { QualityProgressLine } from './progress-line.js';

/** Has a model asked in a child process, and says on stderr how far it is. @returns how the child ended. */
export async function askInChild<Answer>(task: Task<Answer, QualityReport>): Promise<Ending<Answer>> {
  const line = new QualityProgressLine(process.stderr);
  const launched = launch({
    task,
    cpus: [],
    timeLimitSeconds: null,
    memoryLimitBytes: null,
    onMessage: (message) => {
      if (message.type === 'quality-progress') line.update(message.progress);
    },
  });
  const ending = await launched.ended;
  line.end();
  return ending;
}

/** @returns what to throw: words that cannot be are the user's (exit code 2), all else is a failure. */
export function askingError(reason: Failure): CommandError {
  return fromFailure(reason, reason.code === 'impossible-combination' ? EXIT.usage : EXIT.failed);
}
