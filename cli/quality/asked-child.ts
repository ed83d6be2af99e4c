import type { QualityReport } from '../../agent/quality/jobs.js';
import type { Launcher } from '../../artifacts/files/build-file.js';
import type { Failure } from '../../core/errors.js';
import type { Task } from '../../process/isolation/job.js';
import { type Ending, type LaunchRequest, launch } from '../../process/isolation/launch.js';
import { type CommandError, EXIT, fromFailure } from '../exit.js';
import { ProgressLine } from '../output/progress-line.js';
import { UNBOUND } from '../single/stoppable.js';

/** Plain output gets a line for each of so many parts. */
const PARTS = 4;

/** Has a model asked in a child process, and says on stderr how far it is. @returns how the child ended. */
export async function askInChild<Answer>(
  task: Task<Answer, QualityReport>,
  launcher: Launcher = launch,
): Promise<Ending<Answer>> {
  const line = new ProgressLine(process.stderr);
  let before = '';
  const onMessage: LaunchRequest<Answer, QualityReport>['onMessage'] = (message) => {
    if (message.type !== 'quality-progress') return;
    const { what, done, total, value } = message.progress;
    const part = `${what} ${Math.floor((PARTS * done) / total)}`;
    const isDue = part !== before && done * PARTS >= total;
    if (isDue) before = part;
    line.update(`${what} ${done}/${total}${value === null ? '' : `  ${value.toPrecision(5)}`}`, isDue);
  };
  return await launcher({ task, ...UNBOUND, onMessage }).ended.finally(() => line.end());
}

/** @returns what to throw: words that cannot be are the user's (exit code 2), all else is a failure. */
export function askingError(reason: Failure): CommandError {
  return fromFailure(reason, reason.code === 'impossible-combination' ? EXIT.usage : EXIT.failed);
}
