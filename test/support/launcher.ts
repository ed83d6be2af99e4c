import type { Launcher } from '../../artifacts/files/build-file.js';
import type { LookRequest } from '../../artifacts/files/looking/job.js';
import { look } from '../../artifacts/files/looking/look.js';
import { FailureError, toFailure } from '../../core/errors.js';
import type { LaunchRequest } from '../../process/isolation/launch.js';

type Work = (request: never, tell: (report: object) => void) => unknown;

/**
 * A launcher that does jobs here, for tests of what is around them: a process would cost half a second.
 * @param jobs by name; a job that is not among them is refused, but for looking at models.
 */
export function doHere(jobs: Readonly<Record<string, Work>>): Launcher {
  const launch = ({ task, onMessage }: LaunchRequest<unknown, never>) => {
    const rest = { exitCode: 0, signal: null, stderrTail: null, memoryGuard: 'none' } as const;
    const work = async () => {
      const job = { look: (request: LookRequest) => look(request), ...jobs }[task.name] as Work | undefined;
      if (job === undefined) throw new Error(`${task.name} was not asked for`);
      return await job(task.request as never, (report) => onMessage?.(report as never));
    };
    return {
      ended: work().then(
        (answer) => ({ ...rest, answer, failure: null }),
        (error) => ({ ...rest, answer: null, failure: toFailure(error) }),
      ),
    };
  };
  return launch as unknown as Launcher;
}

/** What a job throws so that its child ends with this failure. */
export function failing(failure: ConstructorParameters<typeof FailureError>[0]): FailureError {
  return new FailureError(failure);
}
