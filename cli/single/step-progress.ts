import type { ProgressStream } from '../output/progress-writer.js';

/** Progress of one piece of work in steps that are known beforehand. */
export interface StepProgress {
  step(done: number, of: number): void;
  /** Takes the line off a terminal. */
  end(): void;
}

/** Keeps one line up to date on a terminal; elsewhere prints a line at each quarter. */
export function stepProgress(stream: ProgressStream, what: string): StepProgress {
  const live = stream.isTTY === true;
  let quarter = -1;
  return {
    step(done, of) {
      const line = `${what}: ${done}/${of}`;
      if (live) {
        stream.write(`\r\x1b[2K${line}`);
        return;
      }
      const reached = Math.floor((4 * done) / of);
      if (reached === quarter) return;
      quarter = reached;
      stream.write(`${line}\n`);
    },
    end() {
      if (live) stream.write('\r\x1b[2K');
    },
  };
}
