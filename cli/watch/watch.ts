import type { ControlConnection } from '../../proto/client.js';
import {
  SweepState,
  type SweepStatus,
  type WatchSweepResponse,
} from '../../proto/gen/ridgepoint/v1/control.js';
import { findSweep, withCoordinator } from '../connection.js';
import { EXIT } from '../exit.js';
import type { ConnectionOptions } from '../options/connection.js';
import { say, sayAbove } from '../output/print.js';
import type { Progress } from '../output/progress.js';
import { progressWriter } from '../output/progress-writer.js';
import { terminalStyle } from '../output/terminal.js';

/** What the progress display shows of one state of a sweep. */
function progressOf(update: WatchSweepResponse, status: SweepStatus, elapsedSeconds: number): Progress {
  return {
    points: status.points,
    complete: status.complete,
    failed: status.failed,
    invalid: status.invalid,
    running: update.running,
    trialSeconds: status.trialSeconds === 0 ? null : status.trialSeconds,
    elapsedSeconds,
  };
}

/**
 * Shows progress on stderr until the sweep is finished or the signal aborts; says why when points wait.
 * @returns 0 when every experiment has a result, 1 when some failed or the sweep was cancelled.
 */
export async function watchSweep(
  control: ControlConnection,
  sweepId: string,
  signal?: AbortSignal,
): Promise<number> {
  const writer = progressWriter(process.stderr, terminalStyle(process.stderr));
  sayAbove(writer);
  const start = performance.now();
  const reported = new Set<string>();
  let last: WatchSweepResponse | undefined;
  const draw = (): void => {
    if (last?.status !== undefined)
      writer.update(progressOf(last, last.status, (performance.now() - start) / 1000));
  };
  // Times go on between two messages.
  const clock = process.stderr.isTTY === true ? setInterval(draw, 1000) : null;
  try {
    for await (const update of control.watchSweep({ sweepId }, signal)) {
      last = update;
      draw();
      for (const reason of update.status?.blockedReasons ?? []) {
        if (reported.has(reason)) continue;
        reported.add(reason);
        say(`waiting: ${reason}`);
      }
      if (update.status !== undefined && update.status.state !== SweepState.SWEEP_STATE_RUNNING) break;
    }
  } finally {
    if (clock !== null) clearInterval(clock);
    writer.end();
    sayAbove(null);
  }
  const status = last?.status;
  if (status === undefined) return EXIT.failed;
  for (const reason of status.failureReasons) say(`failed: ${reason}`);
  return status.failed > 0 || status.state === SweepState.SWEEP_STATE_CANCELLED ? EXIT.failed : EXIT.ok;
}

/** `ridge watch`. */
export async function watch(word: string | undefined, options: ConnectionOptions): Promise<number> {
  return await withCoordinator(options, async (control) => {
    const sweep = await findSweep(control, word);
    return await watchSweep(control, sweep.sweepId);
  });
}
