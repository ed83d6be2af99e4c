/**
 * NVIDIA's management library, opened through koffi. Layouts and numbers are those of nvml.h; every
 * reading that the driver refuses or fills with a sentinel is null.
 */
export interface Nvml {
  readonly driverVersion: string | null;
  readonly devices: readonly NvmlDevice[];
  close(): void;
}

export interface NvmlDevice {
  /** `GPU-…`, stable over reboots. */
  readonly uuid: string;
  readonly name: string;
  readonly memoryBytes: number;
  /** Since the driver was loaded; whole board, Volta and newer. */
  energyJoules(): number | null;
  /** Instantaneous where the driver has it, else its average over about a second. */
  powerWatts(): number | null;
  powerLimitWatts(): number | null;
  memoryUsedBytes(): number | null;
  clockHertz(): number | null;
  /** Share of the driver's last sampling period in which a kernel ran. */
  utilizationRatio(): number | null;
  temperatureCelsius(): number | null;
  /** Bit mask of nvmlClocksEventReasons. */
  throttleReasons(): number | null;
  /** True when a process computes on this GPU, in whatever container it lives. */
  inUse(): boolean | null;
}

export type NvmlSearch =
  | { readonly found: true; readonly nvml: Nvml }
  | { readonly found: false; readonly reason: string };

const LIBRARY = process.platform === 'win32' ? 'nvml.dll' : 'libnvidia-ml.so.1';
const SUCCESS = 0;
const INSUFFICIENT_SIZE = 7;
/** nvml.h: NVML_FI_DEV_POWER_AVERAGE, NVML_FI_DEV_POWER_INSTANT. */
const FIELD_POWER_AVERAGE = 185;
const FIELD_POWER_INSTANT = 186;
/** nvmlFieldValue_t: u32 field, u32 scope, i64 timestamp, i64 latency, i32 type, i32 return, 8 bytes of value. */
const FIELD_VALUE = { bytes: 40, type: 24, status: 28, value: 32 };
/** nvmlMemory_v2_t: u32 version, then u64 total, reserved, free, used. */
const MEMORY_V2 = { bytes: 40, version: 40 | (2 << 24), total: 8, used: 32 };
const CLOCK_SM = 1;
const TEMPERATURE_GPU = 0;
/** Values that mean "not available": all ones here, and DCGM's blanks, which start at 2^63 − 16. */
const SENTINEL = 2 ** 62;

type NativeFunction = (...args: unknown[]) => unknown;
/** nvmlReturn_t, or null for a function that this driver does not have. */
type Ask = (name: string, ...args: unknown[]) => number | null;
type Call = (name: string, ...args: unknown[]) => boolean;

/** @returns the library opened and initialised, or the reason why it is not. */
export async function openNvml(libraryPath: string = LIBRARY): Promise<NvmlSearch> {
  const absent = (reason: string): NvmlSearch => ({ found: false, reason });
  let lib: { func(prototype: string): NativeFunction };
  try {
    const { default: koffi } = await import('koffi');
    lib = koffi.load(libraryPath);
  } catch {
    return absent('no NVIDIA driver');
  }
  const ask = caller(lib);
  const call: Call = (name, ...args) => ask(name, ...args) === SUCCESS;
  if (!call('nvmlInit_v2')) return absent('the NVIDIA driver is installed but does not answer (nvmlInit_v2)');
  const count = Buffer.alloc(4);
  if (!call('nvmlDeviceGetCount_v2', count) || count.readUInt32LE() === 0) {
    call('nvmlShutdown');
    return absent('the NVIDIA driver is installed but sees no GPU');
  }
  const devices: NvmlDevice[] = [];
  for (let index = 0; index < count.readUInt32LE(); index++) {
    const handle: unknown[] = [null];
    if (call('nvmlDeviceGetHandleByIndex_v2', index, handle)) devices.push(describe(ask, call, handle[0]));
  }
  return {
    found: true,
    nvml: {
      driverVersion: text(call, 'nvmlSystemGetDriverVersion', []),
      devices,
      close: () => void call('nvmlShutdown'),
    },
  };
}

const PROTOTYPES: Readonly<Record<string, string>> = {
  nvmlInit_v2: 'int nvmlInit_v2()',
  nvmlShutdown: 'int nvmlShutdown()',
  nvmlSystemGetDriverVersion: 'int nvmlSystemGetDriverVersion(void *text, uint32_t length)',
  nvmlDeviceGetCount_v2: 'int nvmlDeviceGetCount_v2(void *count)',
  nvmlDeviceGetHandleByIndex_v2: 'int nvmlDeviceGetHandleByIndex_v2(uint32_t index, _Out_ void **device)',
  nvmlDeviceGetUUID: 'int nvmlDeviceGetUUID(void *device, void *text, uint32_t length)',
  nvmlDeviceGetName: 'int nvmlDeviceGetName(void *device, void *text, uint32_t length)',
  nvmlDeviceGetMemoryInfo_v2: 'int nvmlDeviceGetMemoryInfo_v2(void *device, void *memory)',
  nvmlDeviceGetTotalEnergyConsumption:
    'int nvmlDeviceGetTotalEnergyConsumption(void *device, void *millijoules)',
  nvmlDeviceGetFieldValues: 'int nvmlDeviceGetFieldValues(void *device, int count, void *values)',
  nvmlDeviceGetPowerUsage: 'int nvmlDeviceGetPowerUsage(void *device, void *milliwatts)',
  nvmlDeviceGetEnforcedPowerLimit: 'int nvmlDeviceGetEnforcedPowerLimit(void *device, void *milliwatts)',
  nvmlDeviceGetClockInfo: 'int nvmlDeviceGetClockInfo(void *device, int type, void *megahertz)',
  nvmlDeviceGetUtilizationRates: 'int nvmlDeviceGetUtilizationRates(void *device, void *rates)',
  nvmlDeviceGetTemperature: 'int nvmlDeviceGetTemperature(void *device, int sensor, void *celsius)',
  nvmlDeviceGetComputeRunningProcesses_v3:
    'int nvmlDeviceGetComputeRunningProcesses_v3(void *device, void *count, void *processes)',
  nvmlDeviceGetCurrentClocksEventReasons:
    'int nvmlDeviceGetCurrentClocksEventReasons(void *device, void *reasons)',
  nvmlDeviceGetCurrentClocksThrottleReasons:
    'int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, void *reasons)',
};

/** Functions are looked up when they are first asked for: an older driver lacks some. */
function caller(lib: { func(prototype: string): NativeFunction }): Ask {
  const known = new Map<string, NativeFunction | null>();
  return (name, ...args) => {
    let native = known.get(name);
    if (native === undefined) {
      try {
        native = lib.func(PROTOTYPES[name] ?? name);
      } catch {
        native = null;
      }
      known.set(name, native);
    }
    return native === null ? null : Number(native(...args));
  };
}

function describe(ask: Ask, call: Call, device: unknown): NvmlDevice {
  // One buffer for every reading: nothing is allocated while a trial runs.
  const word = Buffer.alloc(8);
  const unsigned32 = (name: string, ...args: unknown[]): number | null =>
    call(name, device, ...args, word) ? plausible(word.readUInt32LE(), 2 ** 32 - 1) : null;
  const unsigned64 = (name: string): number | null =>
    call(name, device, word) ? plausible(Number(word.readBigUInt64LE()), SENTINEL) : null;
  const memory = Buffer.alloc(MEMORY_V2.bytes);
  const memoryAt = (offset: number): number | null => {
    memory.writeUInt32LE(MEMORY_V2.version);
    if (!call('nvmlDeviceGetMemoryInfo_v2', device, memory)) return null;
    return plausible(Number(memory.readBigUInt64LE(offset)), SENTINEL);
  };
  const milli = (value: number | null) => (value === null ? null : value / 1000);
  return {
    uuid: text(call, 'nvmlDeviceGetUUID', [device]) ?? 'GPU-unknown',
    name: text(call, 'nvmlDeviceGetName', [device]) ?? 'NVIDIA GPU',
    memoryBytes: memoryAt(MEMORY_V2.total) ?? 0,
    energyJoules: () => milli(unsigned64('nvmlDeviceGetTotalEnergyConsumption')),
    powerWatts: () =>
      milli(
        fieldValue(call, device, FIELD_POWER_INSTANT) ??
          fieldValue(call, device, FIELD_POWER_AVERAGE) ??
          unsigned32('nvmlDeviceGetPowerUsage'),
      ),
    powerLimitWatts: () => milli(unsigned32('nvmlDeviceGetEnforcedPowerLimit')),
    memoryUsedBytes: () => memoryAt(MEMORY_V2.used),
    clockHertz() {
      const megahertz = unsigned32('nvmlDeviceGetClockInfo', CLOCK_SM);
      return megahertz === null ? null : megahertz * 1e6;
    },
    utilizationRatio() {
      // nvmlUtilization_t: u32 gpu, u32 memory, in percent.
      const percent = unsigned32('nvmlDeviceGetUtilizationRates');
      return percent === null || percent > 100 ? null : percent / 100;
    },
    temperatureCelsius: () => unsigned32('nvmlDeviceGetTemperature', TEMPERATURE_GPU),
    throttleReasons: () =>
      unsigned64('nvmlDeviceGetCurrentClocksEventReasons') ??
      unsigned64('nvmlDeviceGetCurrentClocksThrottleReasons'),
    inUse() {
      word.writeUInt32LE(0);
      const answer = ask('nvmlDeviceGetComputeRunningProcesses_v3', device, word, null);
      if (answer === SUCCESS) return word.readUInt32LE() > 0;
      return answer === INSUFFICIENT_SIZE ? true : null;
    },
  };
}

/** The call succeeds when any field does: each one carries its own status, and its own type. */
function fieldValue(call: Call, device: unknown, field: number): number | null {
  const entry = Buffer.alloc(FIELD_VALUE.bytes);
  entry.writeUInt32LE(field);
  if (!call('nvmlDeviceGetFieldValues', device, 1, entry)) return null;
  if (entry.readInt32LE(FIELD_VALUE.status) !== SUCCESS) return null;
  const at = FIELD_VALUE.value;
  switch (entry.readInt32LE(FIELD_VALUE.type)) {
    case 0:
      return plausible(entry.readDoubleLE(at), SENTINEL);
    case 1:
      return plausible(entry.readUInt32LE(at), 2 ** 32 - 1);
    case 2:
    case 3:
      return plausible(Number(entry.readBigUInt64LE(at)), SENTINEL);
    case 4:
      return plausible(Number(entry.readBigInt64LE(at)), SENTINEL);
    case 5:
      return plausible(entry.readInt32LE(at), SENTINEL);
    default:
      return null;
  }
}

function plausible(value: number, sentinel: number): number | null {
  return Number.isFinite(value) && value >= 0 && value < sentinel ? value : null;
}

function text(call: Call, name: string, args: readonly unknown[]): string | null {
  const buffer = Buffer.alloc(128);
  if (!call(name, ...args, buffer, buffer.length)) return null;
  const end = buffer.indexOf(0);
  return buffer.toString('utf8', 0, end < 0 ? buffer.length : end);
}
