import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_FOLDER, SOCKET_NAME } from '../../agent/power/protocol.js';
import { findSettable } from '../../agent/power/settable.js';
import type { DeviceProfile, DeviceSettable, SettableRange } from '../../core/experiment/node.js';
import { formatValue } from '../../core/metrics/format.js';
import type { Finding } from './doctor.js';

const SOCKET = join(DEFAULT_FOLDER, SOCKET_NAME);

/** @returns what a power helper at its usual place can set, by device; null where there is none. */
export async function settableHere(
  devices: readonly DeviceProfile[],
): Promise<Record<string, DeviceSettable> | null> {
  return existsSync(SOCKET) ? await findSettable(SOCKET, devices, 0) : null;
}

/** The same as lines; only sweeps over power caps and clocks miss a helper. */
export function powerFindings(settable: Readonly<Record<string, DeviceSettable>> | null): Finding[] {
  const name = 'power helper';
  if (settable === null) {
    const hint =
      'Only a sweep over power caps or locked clocks needs one: `ridge power-helper`, docs/power.md.';
    return [{ name, ok: false, found: `none at ${SOCKET}`, hint }];
  }
  return Object.entries(settable).map(([id, { powerCapWatts, lockedClockHertz }]) => {
    const cap = rangeText(powerCapWatts, 'W');
    const clock = rangeText(lockedClockHertz, 'Hz');
    const ok = typeof powerCapWatts !== 'string' || typeof lockedClockHertz !== 'string';
    return { name, ok, found: `${id}: cap ${cap}; clock ${clock}`, hint: null };
  });
}

function rangeText(range: SettableRange | string, unit: 'W' | 'Hz'): string {
  if (typeof range === 'string') return range;
  return `${formatValue(range.least, unit)} to ${formatValue(range.most, unit)}`;
}
