import { findSweep, withCoordinator } from '../connection.js';
import { say } from '../output/print.js';
import type { CancelOptions } from './command.js';

/** Stops a sweep; what is stored stays. */
export async function cancel(named: string, options: CancelOptions): Promise<void> {
  await withCoordinator(options, async (control) => {
    const sweep = await findSweep(control, named);
    await control.cancelSweep({ sweepId: sweep.sweepId, reason: options.reason });
    say(`${sweep.name} (${sweep.sweepId}) is cancelled; ${sweep.complete} results are kept`);
  });
}
