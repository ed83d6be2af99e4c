import type { DeviceProfile } from '../../core/experiment/node.js';
import { findDeviceMeters, findNodeMeters, type MeterSettings, type NvmlState } from '../meters/index.js';
import type { Meter } from '../meters/meter.js';

/** A meter that is read at every scrape. */
export interface ExportedMeter {
  /** Device that it measures; null = the node as a whole. */
  readonly device: string | null;
  readonly meter: Meter;
}

/**
 * Opens the meters that trials have, each once: the node's, and each device's own. The caller closes them.
 */
export function openExported(
  settings: MeterSettings,
  nvml: NvmlState,
  devices: readonly Pick<DeviceProfile, 'id'>[],
): ExportedMeter[] {
  const ofDevices = devices.flatMap(({ id }) =>
    findDeviceMeters(settings, nvml, id).meters.map((meter) => ({ device: id, meter })),
  );
  return [...findNodeMeters(settings).meters.map((meter) => ({ device: null, meter })), ...ofDevices];
}
