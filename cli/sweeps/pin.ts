import { withCoordinator } from '../connection.js';
import { say } from '../output/print.js';
import type { PinOptions } from './command.js';
import { sweepsNamed } from './named.js';

/** `ridge sweeps pin SWEEP…` and `ridge sweeps unpin SWEEP…`. */
export async function pinSweeps(
  named: readonly string[],
  unpin: boolean,
  { reason, ...connection }: PinOptions,
): Promise<void> {
  await withCoordinator(connection, async (control) => {
    for (const { sweepId, name } of await sweepsNamed(control, named)) {
      const { unchanged } = await control.pinSweep({ sweepId, reason, unpin });
      const before = unpin ? 'was not pinned' : 'was pinned before';
      say(`${name} (${sweepId}) ${unchanged ? before : unpin ? 'is pinned no more' : 'is pinned'}`);
    }
  });
}
