import { describeDevice, type NvmlDevice } from './nvml/device.js';
import { loadNvml, NVML, type NvmlLibrary } from './nvml/library.js';

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

const LIBRARY = process.platform === 'win32' ? 'nvml.dll' : 'libnvidia-ml.so.1';

/** @returns the library opened and initialised, or the reason why it is not. */
export async function openNvml(libraryPath: string = LIBRARY): Promise<NvmlSearch> {
  const absent = (reason: string): NvmlSearch => ({ found: false, reason });
  const library = await loadNvml(libraryPath);
  if (library === null) return absent('no NVIDIA driver');
  if (!library.call('nvmlInit_v2')) {
    return absent('the NVIDIA driver is installed but does not answer (nvmlInit_v2)');
  }
  const close = () => void library.call('nvmlShutdown');
  const count = Buffer.alloc(4);
  if (!library.call('nvmlDeviceGetCount_v2', count) || count.readUInt32LE() === 0) {
    close();
    return absent('the NVIDIA driver is installed but sees no GPU');
  }
  const devices: NvmlDevice[] = [];
  let inMigMode = 0;
  for (let index = 0; index < count.readUInt32LE(); index++) {
    const handle: unknown[] = [null];
    if (!library.call('nvmlDeviceGetHandleByIndex_v2', index, handle)) continue;
    const gpu = describeDevice(library, handle[0], null);
    const instances = migInstances(library, handle[0], gpu.uuid);
    if (instances !== null) inMigMode += 1;
    devices.push(...(instances ?? [gpu]));
  }
  if (devices.length === 0) {
    close();
    return absent(
      inMigMode > 0
        ? 'the GPUs are in MIG mode and have no instances (nvidia-smi mig makes some)'
        : 'the NVIDIA driver counts GPUs and lets none be opened',
    );
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
