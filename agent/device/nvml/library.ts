type NativeFunction = (...args: unknown[]) => unknown;

/** nvml.h: nvmlReturn_t, the answers that are told apart. */
export const NVML = { success: 0, notFound: 6, insufficientSize: 7 } as const;

/** libnvidia-ml with its functions called by name. Buffers go in as `void *` and come back filled. */
export interface NvmlLibrary {
  /** @returns nvmlReturn_t, or null for a function that this driver does not have. */
  ask(name: NvmlFunction, ...args: unknown[]): number | null;
  /** @returns true when the driver did it. */
  call(name: NvmlFunction, ...args: unknown[]): boolean;
  /** @returns what the driver writes into a buffer that comes after `args`; null when it refuses. */
  text(name: NvmlFunction, ...args: unknown[]): string | null;
}

const PROTOTYPES = {
  nvmlInit_v2: '()',
  nvmlShutdown: '()',
  nvmlSystemGetDriverVersion: '(void *text, uint32_t length)',
  nvmlDeviceGetCount_v2: '(void *count)',
  nvmlDeviceGetHandleByIndex_v2: '(uint32_t index, _Out_ void **device)',
  nvmlDeviceGetUUID: '(void *device, void *text, uint32_t length)',
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

export type NvmlFunction = keyof typeof PROTOTYPES;

/**
 * Opens the library; nothing of it has been called then. Functions are looked up when they are first asked
 * for, since an older driver lacks some.
 * @returns null when there is no such library.
 */
export async function loadNvml(path: string): Promise<NvmlLibrary | null> {
  let native: { func(prototype: string): NativeFunction };
  try {
    const { default: koffi } = await import('koffi');
    native = koffi.load(path);
  } catch {
    return null;
  }
  const known = new Map<NvmlFunction, NativeFunction | null>();
  const find = (name: NvmlFunction): NativeFunction | null => {
    try {
      return native.func(`int ${name}${PROTOTYPES[name]}`);
    } catch {
      return null;
    }
  };
  const ask = (name: NvmlFunction, ...args: unknown[]): number | null => {
    let found = known.get(name);
    if (found === undefined) {
      found = find(name);
      known.set(name, found);
    }
    return found === null ? null : Number(found(...args));
  };
  const call = (name: NvmlFunction, ...args: unknown[]) => ask(name, ...args) === NVML.success;
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
