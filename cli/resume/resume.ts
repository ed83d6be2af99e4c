import { findSweep, withCoordinator } from '../connection.js';
import { say } from '../output/print.js';
import type { ResumeOptions } from './command.js';

/** Goes on with a sweep that was paused. */
export async function resume(named: string, options: ResumeOptions): Promise<void> {
  await withCoordinator(options, async (control) => {
    const { sweepId, name, points, complete, invalid, failed } = await findSweep(control, named);
    const { wasRunning } = await control.resumeSweep({ sweepId, reason: options.reason });
    const left = `${points - complete - invalid - failed} of ${points} points are left`;
    say(`${name} (${sweepId}) ${wasRunning ? 'was not paused' : 'goes on'}: ${left}`);
  });
}
