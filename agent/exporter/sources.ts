import type { DeviceProfile } from '../../core/experiment/node.js';
import { findMeters, type MeterSettings, type NvmlState } from '../meters/index.js';
import type { Meter } from '../meters/meter.js';

/** A meter that is read at every scrape. */
export interface ExportedMeter {
  /** Device that it measures; null = the node as a whole. */
  readonly device: string | null;
  readonly meter: Meter;
}

/**
 * Opens each meter of the node once: those that any device would have are the node's, the others are of the device
 * that they are found for. The caller closes them.
 */
export function openExported(
  settings: MeterSettings,
  nvml: NvmlState,
  devices: readonly Pick<DeviceProfile, 'id'>[],
): ExportedMeter[] {
  const ofNode = findMeters(settings, nvml, '', 'on').meters;
  const known = new Set(ofNode.map(({ name }) => name));
  const ofDevices = devices.flatMap(({ id }) => {
    const found = findMeters(settings, nvml, id, 'on').meters;
    for (const meter of found) if (known.has(meter.name)) meter.close();
    return found.filter(({ name }) => !known.has(name)).map((meter) => ({ device: id, meter }));
  });
  return [...ofNode.map((meter) => ({ device: null, meter })), ...ofDevices];
}
