import { say } from './output/print.js';

/** Seconds that a terminated command has to end by itself. */
const GRACE_SECONDS = 4;

let endProgram: (() => void) | null = null;

/**
 * @param end ends this process. It is called when the command was terminated and does not end by itself soon
 *   after.
 */
export function endWhenTerminated(end: () => void): void {
  endProgram = end;
}

/**
 * Is called on SIGTERM. A command may be ended anywhere after that: whatever it writes, it writes whole or
 * not at all.
 */
export function beginGracePeriod(): void {
  if (endProgram !== null) setTimeout(endProgram, 1000 * GRACE_SECONDS).unref();
}

/**
 * Does what a command can do without: Ctrl-C skips a part of it, as whoever works hears by themselves, and
 * SIGTERM ends the command.
 * @param work given a signal that SIGTERM aborts.
 * @returns whether it was ended.
 */
export async function unlessTerminated(work: (ended: AbortSignal) => Promise<void>): Promise<boolean> {
  const controller = new AbortController();
  const end = () => {
    beginGracePeriod();
    controller.abort();
  };
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
  /** True when it is to stop at once. */
  readonly stopped: boolean;
  /** Stops listening. */
  close(): void;
}

/**
 * Ctrl-C as people expect it: the first one (or SIGTERM) lets the running trial finish, the second stops at
 * once. Nothing is lost either way.
 * @param meanwhile what happens after the first, for people to read.
 * @param terminates whether SIGTERM stops at once, as the second Ctrl-C does.
 */
export function onInterrupt(
  meanwhile: string,
  drain: () => void,
  stopNow: () => void,
  { terminates = false }: { readonly terminates?: boolean } = {},
): Interrupts {
  let count = 0;
  let stopped = false;
  const listener = (signal: NodeJS.Signals): void => {
    count += 1;
    if (count === 1 && !(terminates && signal === 'SIGTERM')) {
      say(`${meanwhile}; press Ctrl-C again to stop at once`);
      drain();
    } else {
      say('stopping at once');
      stopped = true;
      if (terminates) beginGracePeriod();
      stopNow();
    }
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return {
    get interrupted() {
      return count > 0;
    },
    get stopped() {
      return stopped;
    },
    close() {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
    },
  };
}
