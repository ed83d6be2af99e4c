import { stillRuns } from '../../report/time-left.js';
import { findSweep, withCoordinator } from '../connection.js';
import { say } from '../output/print.js';
import type { PauseOptions } from './command.js';

/** Holds a sweep back; what runs of it is finished. */
export async function pause(named: string, options: PauseOptions): Promise<void> {
  await withCoordinator(options, async (control) => {
    const { sweepId, name } = await findSweep(control, named);
    const { running } = await control.pauseSweep({ sweepId, reason: options.reason });
    say(`${name} (${sweepId}) is paused: ${stillRuns(running)}; \`ridge resume ${sweepId}\` goes on`);
  });
}
