import { say } from './output/print.js';

/**
 * Does what a command can do without: Ctrl-C skips a part of it, as whoever works hears by themselves, and SIGTERM ends the command.
 * @param work given a signal that SIGTERM aborts.
 * @returns whether it was ended.
 */
export async function unlessTerminated(work: (ended: AbortSignal) => Promise<void>): Promise<boolean> {
  const controller = new AbortController();
  const end = () => controller.abort();
  process.once('SIGTERM', end);
  try {
    await work(controller.signal);
  } finally {
    process.off('SIGTERM', end);
  }
  return controller.signal.aborted;
}

export interface Interrupts {
  /** True from the first interrupt on. */
  readonly interrupted: boolean;
  /** Stops listening. */
  close(): void;
}

/**
 * Ctrl-C as people expect it: the first one (or SIGTERM) lets the running trial finish, the second stops at
 * once. Nothing is lost either way.
 * @param meanwhile what happens after the first, for people to read.
 */
export function onInterrupt(meanwhile: string, drain: () => void, stopNow: () => void): Interrupts {
  let count = 0;
  const listener = (): void => {
    count += 1;
    if (count === 1) {
      say(`${meanwhile}; press Ctrl-C again to stop at once`);
      drain();
    } else {
      say('stopping at once');
      stopNow();
    }
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return {
    get interrupted() {
      return count > 0;
    },
    close() {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
    },
  };
}
