import { measurerFor } from '../../agent/roofs/index.js';
import { RoofsStore } from '../../agent/roofs/store.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { minuteOf } from '../../core/minute.js';
import type { Finding } from './doctor.js';

const HINT =
  'Results stand under them: `ridge roofs` measures them again, `ridge factors` what rests on them.';

/** What was measured last of the devices that roofs can be measured of, and what speaks against it. */
export async function roofFindings(folder: string, devices: readonly DeviceProfile[]): Promise<Finding[]> {
  const store = new RoofsStore(folder);
  const findings: Finding[] = [];
  for (const device of devices) {
    if (measurerFor(device) === null) continue;
    const stored = await store.newest(device.id);
    if (stored === null) {
      findings.push({ name: 'roofs', ok: false, found: `${device.id}: none were measured`, hint: HINT });
      continue;
    }
    const { measuredAt, warnings } = stored.roofs;
    const said = warnings.map(({ code, message }) => `; ${code}: ${message}`).join('');
    const found = `${device.id}: measured ${minuteOf(measuredAt)}${said}`;
    const ok = warnings.length === 0;
    findings.push({ name: 'roofs', ok, found, hint: ok ? null : HINT });
  }
  return findings;
}
