import { toFailure } from '../../core/errors.js';
import type { DeviceProfile, DeviceSettable, SettableRange } from '../../core/experiment/node.js';
import { PowerConnection } from './client.js';
import { SETTING_NAMES, type SettingName } from './control.js';
import type { Seen, Target } from './protocol.js';

/** @returns how the power helper knows a device; null for one that it cannot set. */
export function targetOf({ id, classes, cpus }: DeviceProfile): Target | null {
  if (classes.includes('cpu')) return { cpus: [...cpus] };
  return classes.includes('cuda') && id.startsWith('GPU-') ? { gpu: id } : null;
}

/**
 * Asks the power helper what it can set on each device of the node.
 * @param patienceSeconds for a helper that starts beside the agent.
 * @returns a range or a reason for each; never throws: without a helper the reason is the same for all.
 */
export async function findSettable(
  socketPath: string,
  devices: readonly DeviceProfile[],
  patienceSeconds: number,
): Promise<Record<string, DeviceSettable>> {
  const found: Record<string, DeviceSettable> = {};
  let connection: PowerConnection | null = null;
  try {
    connection = await PowerConnection.open(socketPath, patienceSeconds);
    for (const device of devices) found[device.id] = await look(connection, device, devices);
  } catch (error) {
    const { message } = toFailure(error);
    for (const { id } of devices) found[id] ??= settable(() => message);
  } finally {
    connection?.close();
  }
  return found;
}

async function look(
  connection: PowerConnection,
  device: DeviceProfile,
  devices: readonly DeviceProfile[],
): Promise<DeviceSettable> {
  const target = targetOf(device);
  if (target === null) return settable(() => 'the power helper sets CPUs and whole NVIDIA GPUs');
  const { seen = [], absent = {} } = await connection.ask({ do: 'look', target });
  return settable((name) => {
    const parts = seen.filter((one) => one.name === name);
    const [reason] = absent[name] === undefined ? [] : [absent[name]];
    if (reason !== undefined || parts.length === 0) return reason ?? 'the power helper does not know it';
    const neighbour = devices.find((other) => other.id !== device.id && shares(other, parts));
    if (neighbour !== undefined) {
      return `it would also set ${parts.map(({ part }) => part).join(', ')} for ${neighbour.id}, which shares them`;
    }
    const least = Math.max(...parts.map((part) => part.least));
    const most = Math.min(...parts.map((part) => part.most));
    return least <= most ? { least, most } : 'its parts have no value in common';
  });
}

/**
 * Of CPU devices alone: the CPUs of a GPU's trial are also those of a CPU device, and the two never run
 * together.
 */
function shares(other: DeviceProfile, parts: readonly Seen[]): boolean {
  return (
    other.classes.includes('cpu') && parts.some(({ cpus }) => other.cpus.some((cpu) => cpus.includes(cpu)))
  );
}

function settable(of: (name: SettingName) => SettableRange | string): DeviceSettable {
  const [watts, clock] = SETTING_NAMES;
  return { powerCapWatts: of(watts), lockedClockHertz: of(clock) };
}
