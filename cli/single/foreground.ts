import { formatValue } from '../../core/metrics/format.js';
import type { ChildMessage } from '../../process/isolation/job.js';
import { type Launched, type LaunchRequest, launch } from '../../process/isolation/launch.js';
import { beginGracePeriod } from '../interrupts.js';
import { say } from '../output/print.js';
import { ProgressLine } from '../output/progress-line.js';
import { interruptible, stepProgress } from './step-progress.js';

/**
 * Native code hears no signal while it computes: Ctrl-C ends the child, and with it the command.
 * @returns what `ended` of the child gives.
 */
export function orStopped<Answer>(child: Launched<Answer>): Launched<Answer>['ended'] {
  const stop = (signal: NodeJS.Signals) => {
    if (signal === 'SIGTERM') beginGracePeriod();
    child.kill('interrupted');
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return child.ended.finally(() => process.off('SIGINT', stop).off('SIGTERM', stop));
}

/** Work that somebody who typed a command waits for: it is shown on stderr, and Ctrl-C ends its children. */
export const FOREGROUND = {
  say,
  interruptible,
  launcher: <Answer, Report extends ChildMessage = never>(request: LaunchRequest<Answer, Report>) => ({
    ended: orStopped(launch(request)),
  }),
  async showing<T>(what: string, work: (onProgress: (done: number, of: number) => void) => Promise<T>) {
    const progress = stepProgress(process.stderr, what);
    return await work(progress.step).finally(() => progress.end());
  },
  /** Says how much of a model has come; where there is no terminal, at each quarter. */
  fetching(source: string) {
    const line = new ProgressLine(process.stderr);
    let quarter = -1;
    return {
      update(doneBytes: number, totalBytes: number | null): void {
        const of = totalBytes === null ? '' : ` of ${formatValue(totalBytes, 'B')}`;
        const reached = totalBytes === null ? 0 : Math.floor((4 * doneBytes) / totalBytes);
        line.update(`fetching ${source}: ${formatValue(doneBytes, 'B')}${of}`, reached !== quarter);
        quarter = reached;
      },
      end: () => line.end(),
    };
  },
};
