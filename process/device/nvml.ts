import { describeDevice, type NvmlDevice } from './nvml/device.js';
import { initNvml, NVML, type NvmlLibrary, READING } from './nvml/library.js';

export type { NvmlDevice } from './nvml/device.js';

/**
 * NVIDIA's management library, opened through koffi. Layouts and numbers are those of nvml.h; every
 * reading that the driver refuses or fills with a sentinel is null.
 */
export interface Nvml {
  readonly driverVersion: string | null;
  /** What a trial can have to itself: whole GPUs, and in their place the instances of those in MIG mode. */
  readonly devices: readonly NvmlDevice[];
  close(): void;
}

export type NvmlSearch =
  | { readonly found: true; readonly nvml: Nvml }
  | { readonly found: false; readonly reason: string };

/** @returns the library opened and initialised, or the reason why it is not. */
export async function openNvml(libraryPath?: string): Promise<NvmlSearch> {
  const opened = await initNvml(READING, libraryPath);
  if (!opened.found) return opened;
  const { library, handles } = opened;
  const close = () => void library.call('nvmlShutdown');
  const devices: NvmlDevice[] = [];
  let inMigMode = 0;
  for (const handle of handles) {
    const gpu = describeDevice(library, handle, null);
    const instances = migInstances(library, handle, gpu.uuid);
    if (instances !== null) inMigMode += 1;
    devices.push(...(instances ?? [gpu]));
  }
  if (devices.length === 0) {
    close();
    const noInstances = 'the GPUs are in MIG mode and have no instances (nvidia-smi mig makes some)';
    const none = 'the NVIDIA driver counts GPUs and lets none be opened';
    return { found: false, reason: inMigMode > 0 ? noInstances : none };
  }
  const driverVersion = library.text('nvmlSystemGetDriverVersion');
  return { found: true, nvml: { driverVersion, devices, close } };
}

/** @returns null for a GPU that is not in MIG mode; its places for instances may have holes. */
function migInstances(library: NvmlLibrary, handle: unknown, uuid: string): NvmlDevice[] | null {
  const [current, pending, most] = [Buffer.alloc(4), Buffer.alloc(4), Buffer.alloc(4)];
  if (!library.call('nvmlDeviceGetMigMode', handle, current, pending)) return null;
  if (current.readUInt32LE() !== 1) return null;
  if (!library.call('nvmlDeviceGetMaxMigDeviceCount', handle, most)) return null;
  const instances: NvmlDevice[] = [];
  for (let index = 0; index < most.readUInt32LE(); index++) {
    const instance: unknown[] = [null];
    const answer = library.ask('nvmlDeviceGetMigDeviceHandleByIndex', handle, index, instance);
    if (answer === NVML.notFound) continue;
    if (answer === NVML.success) instances.push(describeDevice(library, instance[0], { handle, uuid }));
  }
  return instances;
}
