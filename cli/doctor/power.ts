import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_FOLDER, SOCKET_NAME } from '../../agent/power/protocol.js';
import { findSettable } from '../../agent/power/settable.js';
import type { DeviceProfile, SettableRange } from '../../core/experiment/node.js';
import { formatValue } from '../../core/metrics/format.js';
import type { Finding } from './doctor.js';

/** What a power helper at its usual place can set; only sweeps over power caps and clocks miss it. */
export async function powerFindings(devices: readonly DeviceProfile[]): Promise<Finding[]> {
  const socket = join(DEFAULT_FOLDER, SOCKET_NAME);
  const name = 'power helper';
  if (!existsSync(socket)) {
    const hint =
      'Only a sweep over power caps or locked clocks needs one: `ridge power-helper`, docs/power.md.';
    return [{ name, ok: false, found: `none at ${socket}`, hint }];
  }
  const settable = await findSettable(socket, devices, 0);
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
