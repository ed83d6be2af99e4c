import { failed } from '../../core/errors.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { cpuRoofs } from './cpu.js';
import { cudaRoofs } from './cuda.js';
import type { RoofsMeasurer } from './measurer.js';

const MEASURERS: readonly RoofsMeasurer[] = [cpuRoofs, cudaRoofs];

/** @returns how to measure a device, or null when nobody knows. */
export function measurerFor(device: DeviceProfile): RoofsMeasurer | null {
  return MEASURERS.find(({ classes }) => classes.includes(device.classes[0] ?? '')) ?? null;
}

/** @throws FailureError `device-missing` where nobody knows how. */
export function requireMeasurer(device: DeviceProfile): RoofsMeasurer {
  const measurer = measurerFor(device);
  if (measurer !== null) return measurer;
  const message = `roofs of ${device.id} (${device.classes[0]}) cannot be measured: only those of ${MEASURERS.flatMap(({ classes }) => classes).join(', ')} can`;
  throw failed('device-missing', message);
}
