import type { DeviceProfile } from '../../core/experiment/node.js';
import type { Roofs } from '../../core/result/roofs.js';
import { changes } from './environment.js';
import type { RoofsMeasurer } from './measurer.js';
import type { RoofsStore, StoredRoofs } from './store.js';

export interface HoldingNeeds {
  readonly store: RoofsStore;
  readonly measurer: RoofsMeasurer;
  /** @param why they are measured again, after “the roofs of cpu0”; empty the first time. */
  readonly measure: (why: string) => Promise<Roofs>;
}

/**
 * The roofs of a device that hold now: those that are kept, measured where there are none of this
 * environment. Those that something disturbed are marked, and stay until somebody measures them again.
 * @throws FailureError of the measurement.
 */
export async function holdingRoofs(
  device: DeviceProfile,
  { store, measurer, measure }: HoldingNeeds,
): Promise<StoredRoofs> {
  const environment = await measurer.environment(device);
  const stored = await store.find(device.id, environment);
  if (stored !== null) return stored;
  const older = await store.newest(device.id);
  const changed = older === null ? '' : changes(older.roofs.environment, environment).join(', ');
  return await store.put(await measure(changed === '' ? '' : ` again, since ${changed} changed`));
}
