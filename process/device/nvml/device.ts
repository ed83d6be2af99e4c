import { FieldValues } from './fields.js';
import type { NvmlLibrary } from './library.js';
import { NO_VALUE_32, plausible, unsigned64 } from './plausible.js';
import { type GpuProcess, processLister } from './processes.js';

/** A GPU, or a MIG instance of one. A reading that the driver refuses or fills with a sentinel is null. */
export interface NvmlDevice {
  /** `GPU-…` or `MIG-…`, stable over reboots. */
  readonly uuid: string;
  readonly name: string;
  readonly memoryBytes: number;
  /**
   * The GPU of which this is a MIG instance; null for a whole GPU. Energy, power, clocks, temperatures and
   * throttle reasons are those of the whole board then: the driver knows no others.
   */
  readonly board: string | null;
  /** Since the driver was loaded; whole board, Volta and newer. */
  energyJoules(): number | null;
  /** Power by kind and scope, and the memory's temperature: one call for all. */
  fields(): NvmlFields;
  powerLimitWatts(): number | null;
  memoryUsedBytes(): number | null;
  /** Of the streaming multiprocessors. */
  clockHertz(): number | null;
  memoryClockHertz(): number | null;
  /** Shares of the driver's last sampling period in which a kernel ran, and in which memory was read or written. */
  utilization(): { readonly compute: number; readonly memory: number } | null;
  temperatureCelsius(): number | null;
  /** Bit mask of nvmlClocksEventReasons. */
  throttleReasons(): number | null;
  processes(): readonly GpuProcess[] | null;
  /** True when a process computes on this device. */
  inUse(): boolean | null;
}

export interface NvmlFields {
  /** What the board draws at this moment. */
  readonly powerWatts: number | null;
  /** Mean over the second before. */
  readonly averagePowerWatts: number | null;
  /** GPU and CPU of a superchip together. */
  readonly modulePowerWatts: number | null;
  /** Of the device memory alone; part of the board's. */
  readonly memoryPowerWatts: number | null;
  readonly memoryTemperatureCelsius: number | null;
}

/** nvmlMemory_v2_t: u32 version, then u64 total, reserved, free, used. */
const MEMORY_V2 = { bytes: 40, version: 40 | (2 << 24), total: 8, used: 32 };
/** nvmlMemory_t of older drivers: u64 total, free, used; what the driver keeps to itself counts as used. */
const MEMORY_V1 = { total: 0, used: 16 };
const CLOCK = { sm: 1, memory: 2 } as const;
const TEMPERATURE_GPU = 0;

/**
 * @param handle of the GPU or of the MIG instance.
 * @param board handle and UUID of the GPU that a MIG instance is part of.
 */
export function describeDevice(
  library: NvmlLibrary,
  handle: unknown,
  board: { readonly handle: unknown; readonly uuid: string } | null,
): NvmlDevice {
  const whole = board === null ? handle : board.handle;
  // One buffer for every reading: nothing is allocated while a trial runs.
  const word = Buffer.alloc(8);
  type Name = Parameters<NvmlLibrary['call']>[0];
  const unsigned32 = (name: Name, ...args: unknown[]): number | null =>
    library.call(name, whole, ...args, word) ? plausible(word.readUInt32LE(), NO_VALUE_32) : null;
  const counted = (name: Name): number | null => (library.call(name, whole, word) ? unsigned64(word) : null);
  const memory = Buffer.alloc(MEMORY_V2.bytes);
  const memoryAt = (what: 'total' | 'used'): number | null => {
    memory.writeUInt32LE(MEMORY_V2.version);
    let at = MEMORY_V2[what];
    if (!library.call('nvmlDeviceGetMemoryInfo_v2', handle, memory)) {
      at = MEMORY_V1[what];
      if (!library.call('nvmlDeviceGetMemoryInfo', handle, memory)) return null;
    }
    return unsigned64(memory, at);
  };
  const clock = (kind: number) => {
    const megahertz = unsigned32('nvmlDeviceGetClockInfo', kind);
    return megahertz === null ? null : megahertz * 1e6;
  };
  const processes = processLister(library, handle);
  return {
    uuid: library.text('nvmlDeviceGetUUID', handle) ?? 'GPU-unknown',
    name: library.text('nvmlDeviceGetName', handle) ?? 'NVIDIA GPU',
    memoryBytes: memoryAt('total') ?? 0,
    board: board?.uuid ?? null,
    energyJoules: () => milli(counted('nvmlDeviceGetTotalEnergyConsumption')),
    fields: fieldReader(library, whole, () => unsigned32('nvmlDeviceGetPowerUsage')),
    powerLimitWatts: () => milli(unsigned32('nvmlDeviceGetEnforcedPowerLimit')),
    memoryUsedBytes: () => memoryAt('used'),
    clockHertz: () => clock(CLOCK.sm),
    memoryClockHertz: () => clock(CLOCK.memory),
    utilization() {
      // nvmlUtilization_t: u32 gpu, u32 memory, in percent. A MIG instance has none.
      if (!library.call('nvmlDeviceGetUtilizationRates', handle, word)) return null;
      const [compute, used] = [word.readUInt32LE(0), word.readUInt32LE(4)];
      return compute > 100 || used > 100 ? null : { compute: compute / 100, memory: used / 100 };
    },
    temperatureCelsius: () => unsigned32('nvmlDeviceGetTemperature', TEMPERATURE_GPU),
    throttleReasons: () =>
      counted('nvmlDeviceGetCurrentClocksEventReasons') ??
      counted('nvmlDeviceGetCurrentClocksThrottleReasons'),
    processes,
    inUse() {
      const all = processes();
      return all === null ? null : all.length > 0;
    },
  };
}

/**
 * Fields 186 and 185 say what they are. nvmlDeviceGetPowerUsage stands in for the one or the other where
 * a driver has neither: it is a mean over a second from Ampere on, but for GA100 (compute capability 8.0),
 * and the power of the moment before (nvml.h). Where it is not known, it is taken for the mean.
 */
function fieldReader(library: NvmlLibrary, device: unknown, usage: () => number | null): () => NvmlFields {
  const fields = FieldValues.open(library, device, [
    'instant',
    'average',
    'moduleInstant',
    'memoryInstant',
    'memoryTemperature',
  ]);
  const momentary = usageIsMomentary(library, device);
  const standsIn = !fields.has(momentary ? 'instant' : 'average');
  return () => {
    const fresh = fields.refresh();
    const milliwatts = (field: Parameters<FieldValues['value']>[0]) =>
      fresh ? milli(fields.value(field)) : null;
    const called = standsIn ? milli(usage()) : null;
    return {
      powerWatts: standsIn && momentary ? called : milliwatts('instant'),
      averagePowerWatts: standsIn && !momentary ? called : milliwatts('average'),
      modulePowerWatts: milliwatts('moduleInstant'),
      memoryPowerWatts: milliwatts('memoryInstant'),
      memoryTemperatureCelsius: fresh ? fields.value('memoryTemperature') : null,
    };
  };
}

function usageIsMomentary(library: NvmlLibrary, device: unknown): boolean {
  const [major, minor] = [Buffer.alloc(4), Buffer.alloc(4)];
  if (!library.call('nvmlDeviceGetCudaComputeCapability', device, major, minor)) return false;
  return major.readInt32LE() < 8 || (major.readInt32LE() === 8 && minor.readInt32LE() === 0);
}

function milli(value: number | null): number | null {
  return value === null ? null : value / 1000;
}
