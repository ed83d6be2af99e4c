import { stillRuns } from '../../report/time-left.js';
import { findSweep, withCoordinator } from '../connection.js';
import { say } from '../output/print.js';
import type { SteerOptions } from './command.js';

/** Holds a sweep back; what runs of it is finished. */
export async function pause(named: string, { reason, ...connection }: SteerOptions): Promise<void> {
  await withCoordinator(connection, async (control) => {
    const { sweepId, name } = await findSweep(control, named);
    const { running } = await control.pauseSweep({ sweepId, reason });
    say(`${name} (${sweepId}) is paused: ${stillRuns(running)}; \`ridge resume ${sweepId}\` goes on`);
  });
}

/** Goes on with a sweep that was paused. */
export async function resume(named: string, { reason, ...connection }: SteerOptions): Promise<void> {
  await withCoordinator(connection, async (control) => {
    const { sweepId, name, points, complete, invalid, failed } = await findSweep(control, named);
    const { wasRunning } = await control.resumeSweep({ sweepId, reason });
    const left = `${points - complete - invalid - failed} of ${points} points are left`;
    say(`${name} (${sweepId}) ${wasRunning ? 'was not paused' : 'goes on'}: ${left}`);
  });
}

/** Stops a sweep; what is stored stays. */
export async function cancel(named: string, { reason, ...connection }: SteerOptions): Promise<void> {
  await withCoordinator(connection, async (control) => {
    const { sweepId, name, complete } = await findSweep(control, named);
    await control.cancelSweep({ sweepId, reason });
    say(`${name} (${sweepId}) is cancelled; ${complete} results are kept`);
  });
}
