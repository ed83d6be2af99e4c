import type { Launcher } from '../../artifacts/files/build-file.js';
import { type Launched, launch } from '../../process/isolation/launch.js';

/** What somebody types a command for may take the whole machine, as long as it takes. */
export const UNBOUND = { cpus: [], timeLimitSeconds: null, memoryLimitBytes: null } as const;

/**
 * Native code hears no signal while it computes: Ctrl-C ends the child, and with it the command.
 * @returns what `ended` of the child gives.
 */
export function orStopped<Answer>(child: Launched<Answer>): Launched<Answer>['ended'] {
  const stop = () => child.kill('interrupted');
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return child.ended.finally(() => process.off('SIGINT', stop).off('SIGTERM', stop));
}

export const stoppable: Launcher = (request) => ({ ended: orStopped(launch(request)) });
