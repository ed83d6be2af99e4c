import { readRoofs, type StoredRoofs } from '../../agent/roofs/store.js';
import { type FailureError, failed } from '../../core/errors.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { recordRoofsOf } from '../../core/result/roofs-record.js';
import { type Ceilings, publishedCeilings } from '../../roofline/ceilings.js';
import { ceilingsAt } from '../../roofline/ceilings-at.js';
import { requireHardware } from '../../roofline/hardware/catalogue.js';
import { devicesNamed, thisNode } from '../this-node.js';

const THIS = /^this(?::(.+))?$/;
const HINT = '`ridge roofs` measures them, in about a minute.';

/**
 * Opens the ceilings that a name of hardware means: measured ones of all threads for `this`, `this:DEVICE`
 * and a file that `ridge roofs --out` wrote, and those of the catalogue for any other.
 * @throws FailureError `device-missing` when there are none; for a name, it offers the nearest
 */
export async function openCeilings(name: string, config: string | undefined): Promise<Ceilings> {
  const measured = THIS.test(name) || name.endsWith('.json');
  return measured ? await openRoofs(name, config) : publishedCeilings(requireHardware(name));
}

async function openRoofs(name: string, config: string | undefined): Promise<Ceilings> {
  const match = THIS.exec(name);
  if (match === null) {
    const file = await readRoofs(name).catch((error: Error) => {
      throw missing(
        `${name} cannot be read as roofs: ${fileProblem(error)}`,
        '`ridge roofs --out FILE` writes such a file.',
      );
    });
    return ceilingsOf(file, null);
  }
  const node = await thisNode(config);
  const wanted = devicesNamed(node, match[1], missing);
  for (const device of wanted) {
    const stored = await node.store.newest(device.id);
    if (stored !== null) return ceilingsOf(stored, device);
  }
  throw missing(
    `no roofs of ${wanted.map(({ id }) => id).join(' or ')} were measured on this node yet`,
    HINT,
  );
}

function ceilingsOf({ roofs, id }: StoredRoofs, device: DeviceProfile | null): Ceilings {
  const { name } = roofs.device;
  const memoryBytes = device?.memoryBytes ?? null;
  const ceilings = ceilingsAt(recordRoofsOf(roofs, id), { name, memoryBytes }, Number.POSITIVE_INFINITY);
  if (ceilings !== null) return ceilings;
  throw missing(`the roofs of ${roofs.device.id} hold no bandwidth of memory`, HINT);
}

function missing(message: string, hint: string): FailureError {
  return failed('device-missing', message, hint);
}
