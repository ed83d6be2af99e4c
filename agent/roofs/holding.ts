import { toFailure } from '../../core/errors.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { isDisturbed } from '../../core/result/roof-warnings.js';
import type { Roofs } from '../../core/result/roofs.js';
import { changes } from './environment.js';
import { type DisturbedNow, disturbedNow } from './machine.js';
import type { RoofsMeasurer } from './measurer.js';
import type { RoofsStore, StoredRoofs } from './store.js';

export interface HoldingNeeds {
  readonly store: RoofsStore;
  readonly measurer: RoofsMeasurer;
  /** @param why they are measured again, after “the roofs of cpu0”; empty the first time. */
  readonly measure: (why: string) => Promise<Roofs>;
  /** Why those that something disturbed stay. */
  readonly tell: (message: string) => void;
  readonly disturbedNow?: DisturbedNow | undefined;
}

/**
 * The roofs of a device that hold now: those that are kept, measured where there are none of this environment. Those that something
 * disturbed are taken again when the machine is quiet, and stay where that comes to nothing.
 * @throws FailureError of a first measurement.
 */
export async function holdingRoofs(device: DeviceProfile, needs: HoldingNeeds): Promise<StoredRoofs> {
  const { store, measurer, measure } = needs;
  const environment = await measurer.environment(device);
  const stored = await store.find(device.id, environment);
  if (stored === null) {
    const older = await store.newest(device.id);
    const changed = older === null ? '' : changes(older.roofs.environment, environment).join(', ');
    return await store.put(await measure(changed === '' ? '' : ` again, since ${changed} changed`));
  }
  if (!isDisturbed(stored.roofs) || (await store.tries.of(device.id, stored.id)).over) return stored;
  return await takenAgain(stored, needs);
}

async function takenAgain(stored: StoredRoofs, needs: HoldingNeeds): Promise<StoredRoofs> {
  const { store, measure, tell } = needs;
  const { id } = stored.roofs.device;
  const stay = (why: string) => tell(`the roofs of ${id} were taken on a disturbed machine and stay: ${why}`);
  const busy = await (needs.disturbedNow ?? disturbedNow)();
  if (busy !== null) {
    stay(`the machine is busy, ${busy}`);
    return stored;
  }
  try {
    const again = await measure(' again, since something disturbed them');
    if (!isDisturbed(again)) return await store.put(again);
    stay('so would be those that were taken now');
  } catch (error) {
    const { code, message } = toFailure(error);
    stay(message);
    if (code === 'cancelled') return stored;
  }
  await store.tries.note(id, stored.id);
  return stored;
}
