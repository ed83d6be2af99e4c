import type { Launcher } from '../../artifacts/files/build-file.js';
import { launch } from '../../process/isolation/launch.js';

/** What somebody types a command for may take the whole machine, as long as it takes. */
export const UNBOUND = { cpus: [], timeLimitSeconds: null, memoryLimitBytes: null } as const;

/** Native code hears no signal while it computes: Ctrl-C ends the child, and with it the command. */
export const stoppable: Launcher = (request) => {
  const child = launch(request);
  const stop = () => child.kill('interrupted');
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  const ended = child.ended.finally(() => {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  });
  return { ended };
};
