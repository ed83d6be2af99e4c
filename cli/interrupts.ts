import { say } from './output/print.js';

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
