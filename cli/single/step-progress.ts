import { duration } from '../../report/time-left.js';
import { beginGracePeriod } from '../interrupts.js';
import { SILENT_SECONDS } from '../output/progress.js';
import type { ProgressStream } from '../output/progress-writer.js';

/** Progress of one piece of work in steps that are known beforehand, or of one that is waited for. */
export interface StepProgress {
  step(done: number, of: number): void;
  /** Takes the line off a terminal. */
  end(): void;
}

/**
 * Keeps one line up to date on a terminal; elsewhere prints a line at each quarter, and where ten seconds
 * bring none.
 */
export function stepProgress(stream: ProgressStream, what: string): StepProgress {
  const live = stream.isTTY === true;
  const began = performance.now();
  let [quarter, said, counts] = [-1, began, ''];
  const write = () => {
    said = performance.now();
    const seconds = (said - began) / 1000;
    const line = `${what}${counts}${seconds < 1 ? '' : `, ${duration(seconds)}`}`;
    stream.write(live ? `\r\x1b[2K${line}` : `${line}\n`);
  };
  const clock = setInterval(() => {
    if (live || performance.now() - said >= 1000 * SILENT_SECONDS) write();
  }, 1000);
  clock.unref();
  return {
    step(done, of) {
      counts = `: ${done}/${of}`;
      const reached = Math.floor((4 * done) / of);
      if (!live && reached === quarter) return;
      quarter = reached;
      write();
    },
    end() {
      clearInterval(clock);
      if (live) stream.write('\r\x1b[2K');
    },
  };
}

/** Shows how far a piece of work is; Ctrl-C and SIGTERM abort its signal. */
export async function interruptible<T>(
  what: string,
  work: (progress: StepProgress, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const progress = stepProgress(process.stderr, what);
  const interrupted = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (signal === 'SIGTERM') beginGracePeriod();
    interrupted.abort();
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await work(progress, interrupted.signal);
  } finally {
    progress.end();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** Waits for work that tells nothing on the way, and says that it does. */
export async function saying<T>(stream: ProgressStream, what: string, work: Promise<T>): Promise<T> {
  const progress = stepProgress(stream, what);
  return await work.finally(() => progress.end());
}
