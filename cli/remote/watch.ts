import type { ControlConnection } from '../../proto/client.js';
import {
  SweepState,
  type SweepStatus,
  type WatchSweepResponse,
} from '../../proto/gen/ridgepoint/v1/control.js';
import type { ConnectionOptions } from '../commands/connection-options.js';
import { EXIT } from '../exit.js';
import { say } from '../output/print.js';
import { type Progress, progressWriter } from '../output/progress.js';
import { findSweep, withCoordinator } from './connection.js';

/** What the progress display shows of one state of a sweep. */
export function progressOf(update: WatchSweepResponse, status: SweepStatus): Progress {
  return {
    name: status.name,
    points: status.points,
    complete: status.complete,
    failed: status.failed,
    invalid: status.invalid,
    reused: status.reused,
    trialSeconds: status.trialSeconds === 0 ? null : status.trialSeconds,
    running: update.running.map((r) => ({
      label: r.label,
      node: r.node,
      phase: r.phase,
      repeat: r.repeat,
      maxRepeats: r.maxRepeats,
      elapsedSeconds: r.elapsedSeconds,
    })),
    blocked: status.blockedReasons,
  };
}

/**
 * Shows progress on stderr until the sweep is finished or the signal aborts.
 * @returns 0 when every experiment has a result, 1 when some failed or the sweep was cancelled.
 */
export async function watchSweep(
  control: ControlConnection,
  sweepId: string,
  signal?: AbortSignal,
): Promise<number> {
  const writer = progressWriter(process.stderr);
  let last: SweepStatus | undefined;
  try {
    for await (const update of control.watchSweep({ sweepId }, signal)) {
      if (update.status === undefined) continue;
      last = update.status;
      writer.update(progressOf(update, last));
      if (last.state !== SweepState.SWEEP_STATE_RUNNING) break;
    }
  } finally {
    writer.close();
  }
  if (last === undefined) return EXIT.failed;
  for (const reason of last.failureReasons) say(`failed: ${reason}`);
  return last.failed > 0 || last.state === SweepState.SWEEP_STATE_CANCELLED ? EXIT.failed : EXIT.ok;
}

/** `ridge watch`. */
export async function watch(word: string | undefined, options: ConnectionOptions): Promise<number> {
  return await withCoordinator(options, async (control) => {
    const sweep = await findSweep(control, word);
    return await watchSweep(control, sweep.sweepId);
  });
}
