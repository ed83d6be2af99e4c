import { orElse } from '../../../core/or-else.js';
import { loadLibrary } from '../../koffi.js';

type NativeFunction = (...args: unknown[]) => unknown;

/** nvml.h: nvmlReturn_t, the answers that are told apart. */
export const NVML = { success: 0, notFound: 6, insufficientSize: 7 } as const;

/** libnvidia-ml with its functions called by name. Buffers go in as `void *` and come back filled. */
export interface NvmlLibrary<Name extends string = NvmlReading> {
  /** @returns nvmlReturn_t, or null for a function that this driver does not have. */
  ask(name: Name, ...args: unknown[]): number | null;
  /** @returns true when the driver did it. */
  call(name: Name, ...args: unknown[]): boolean;
  /** @returns what the driver writes into a buffer that comes after `args`; null when it refuses. */
  text(name: Name, ...args: unknown[]): string | null;
}

/** What whoever opens the library needs; whoever needs more names the arguments of it. */
const OPENING = {
  nvmlInit_v2: '()',
  nvmlShutdown: '()',
  nvmlDeviceGetCount_v2: '(void *count)',
  nvmlDeviceGetHandleByIndex_v2: '(uint32_t index, _Out_ void **device)',
  nvmlDeviceGetUUID: '(void *device, void *text, uint32_t length)',
} as const;

/** What the agent reads. */
export const READING = {
  nvmlSystemGetDriverVersion: '(void *text, uint32_t length)',
  nvmlDeviceGetName: '(void *device, void *text, uint32_t length)',
  nvmlDeviceGetCudaComputeCapability: '(void *device, void *major, void *minor)',
  nvmlDeviceGetMemoryInfo: '(void *device, void *memory)',
  nvmlDeviceGetMemoryInfo_v2: '(void *device, void *memory)',
  nvmlDeviceGetTotalEnergyConsumption: '(void *device, void *millijoules)',
  nvmlDeviceGetFieldValues: '(void *device, int count, void *values)',
  nvmlDeviceGetPowerUsage: '(void *device, void *milliwatts)',
  nvmlDeviceGetEnforcedPowerLimit: '(void *device, void *milliwatts)',
  nvmlDeviceGetClockInfo: '(void *device, int type, void *megahertz)',
  nvmlDeviceGetUtilizationRates: '(void *device, void *rates)',
  nvmlDeviceGetTemperature: '(void *device, int sensor, void *celsius)',
  nvmlDeviceGetComputeRunningProcesses_v2: '(void *device, void *count, void *processes)',
  nvmlDeviceGetComputeRunningProcesses_v3: '(void *device, void *count, void *processes)',
  nvmlDeviceGetCurrentClocksEventReasons: '(void *device, void *reasons)',
  nvmlDeviceGetCurrentClocksThrottleReasons: '(void *device, void *reasons)',
  nvmlDeviceGetMigMode: '(void *device, void *current, void *pending)',
  nvmlDeviceGetMaxMigDeviceCount: '(void *device, void *count)',
  nvmlDeviceGetMigDeviceHandleByIndex: '(void *device, uint32_t index, _Out_ void **instance)',
} as const;

type NvmlOpening = keyof typeof OPENING;
export type NvmlReading = NvmlOpening | keyof typeof READING;

export type OpenedNvml<Name extends string> =
  | { readonly found: true; readonly library: NvmlLibrary<NvmlOpening | Name>; readonly handles: unknown[] }
  | { readonly found: false; readonly reason: string };

const LIBRARY = process.platform === 'win32' ? 'nvml.dll' : 'libnvidia-ml.so.1';

/**
 * Opens and initialises the library.
 * @param prototypes arguments of the functions that will be asked for, by name
 * @param path of the library; by default the driver's
 * @returns the library with the handles of its GPUs, of which there is one at least, or the reason why there
 *   is none
 */
export async function initNvml<Name extends string>(
  prototypes: Readonly<Record<Name, string>>,
  path: string = LIBRARY,
): Promise<OpenedNvml<Name>> {
  const withoutNvml = (reason: string) => ({ found: false, reason }) as const;
  const library = await loadNvml<NvmlOpening | Name>(path, { ...OPENING, ...prototypes });
  if (library === null) return withoutNvml('no NVIDIA driver');
  if (!library.call('nvmlInit_v2'))
    return withoutNvml('the NVIDIA driver is installed but does not answer (nvmlInit_v2)');
  const count = Buffer.alloc(4);
  if (!library.call('nvmlDeviceGetCount_v2', count) || count.readUInt32LE() === 0) {
    library.call('nvmlShutdown');
    return withoutNvml('the NVIDIA driver is installed but sees no GPU');
  }
  const handles = Array.from({ length: count.readUInt32LE() }, (_, index) => {
    const handle: unknown[] = [null];
    return library.call('nvmlDeviceGetHandleByIndex_v2', index, handle) ? [handle[0]] : [];
  });
  return { found: true, library, handles: handles.flat() };
}

/**
 * Nothing of the library has been called then. Functions are looked up when they are first asked for, since
 * an older driver lacks some.
 * @returns null when there is no such library.
 */
async function loadNvml<Name extends string>(
  path: string,
  prototypes: Readonly<Record<Name, string>>,
): Promise<NvmlLibrary<Name> | null> {
  const native = await loadLibrary(path);
  if (native === null) return null;
  const known = new Map<Name, NativeFunction | null>();
  const find = (name: Name): NativeFunction | null =>
    orElse(() => native.func(`int ${name}${prototypes[name]}`), null);
  const ask = (name: Name, ...args: unknown[]): number | null => {
    const found = known.has(name) ? known.get(name)! : find(name);
    known.set(name, found);
    return found === null ? null : Number(found(...args));
  };
  const call = (name: Name, ...args: unknown[]) => ask(name, ...args) === NVML.success;
  return {
    ask,
    call,
    text(name, ...args) {
      const buffer = Buffer.alloc(128);
      if (!call(name, ...args, buffer, buffer.length)) return null;
      const end = buffer.indexOf(0);
      return buffer.toString('utf8', 0, end < 0 ? buffer.length : end);
    },
  };
}
