import type { NvmlLibrary } from './library.js';
import { NO_VALUE_32, NO_VALUE_64, plausible, unsigned64 } from './plausible.js';
import { type GpuProcess, processLister } from './processes.js';

/** nvml.h: NVML_POWER_SCOPE_GPU, _MODULE (GPU and CPU of a superchip), _MEMORY. */
const SCOPE = { gpu: 0, module: 1, memory: 2 } as const;
const AVERAGE = 185;
const INSTANT = 186;
const MEMORY_TEMPERATURE = 82;

/** Field and scope of each thing that one call of nvmlDeviceGetFieldValues can tell. */
const FIELDS = {
  instant: [INSTANT, SCOPE.gpu],
  average: [AVERAGE, SCOPE.gpu],
  moduleInstant: [INSTANT, SCOPE.module],
  memoryInstant: [INSTANT, SCOPE.memory],
  memoryTemperature: [MEMORY_TEMPERATURE, 0],
} as const satisfies Record<string, readonly [number, number]>;

type NvmlField = keyof typeof FIELDS;

/**
 * nvmlFieldValue_t: u32 field, u32 scope, i64 timestamp, i64 latency, i32 type, i32 return, 8 bytes of value.
 */
const ENTRY = { bytes: 40, scope: 4, type: 24, status: 28, value: 32 };

/** Field values of one device, all of a list by one call. */
function fieldValues(library: NvmlLibrary, device: unknown, fields: readonly NvmlField[]) {
  /** Where each field stands in the buffers. */
  const places = new Map(fields.map((field, index) => [field, index * ENTRY.bytes]));
  const question = Buffer.alloc(fields.length * ENTRY.bytes);
  const answer = Buffer.alloc(fields.length * ENTRY.bytes);
  for (const [field, at] of places) {
    question.writeUInt32LE(FIELDS[field][0], at);
    question.writeUInt32LE(FIELDS[field][1], at + ENTRY.scope);
    // What the driver does not write must not look like what it wrote before.
    question.writeInt32LE(-1, at + ENTRY.status);
  }
  return {
    has: (field: NvmlField) => places.has(field),
    /** Asks the driver again; until then `value` repeats itself. */
    refresh(): boolean {
      question.copy(answer);
      return places.size > 0 && library.call('nvmlDeviceGetFieldValues', device, places.size, answer);
    },
    /** What the last `refresh` brought: each field has its own status, and its own type. */
    value(field: NvmlField): number | null {
      const at = places.get(field);
      if (at === undefined || answer.readInt32LE(at + ENTRY.status) !== 0) return null;
      return typed(answer, at);
    },
  };
}

/** nvmlValueType_t: double, u32, unsigned long, u64, i64, i32. */
function typed(buffer: Buffer, at: number): number | null {
  switch (buffer.readInt32LE(at + ENTRY.type)) {
    case 0:
      return plausible(buffer.readDoubleLE(at + ENTRY.value), NO_VALUE_64);
    case 1:
      return plausible(buffer.readUInt32LE(at + ENTRY.value), NO_VALUE_32);
    case 2:
    case 3:
      return unsigned64(buffer, at + ENTRY.value);
    case 4:
      return plausible(Number(buffer.readBigInt64LE(at + ENTRY.value)), NO_VALUE_64);
    case 5:
      return plausible(buffer.readInt32LE(at + ENTRY.value), NO_VALUE_32);
    default:
      return null;
  }
}

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
  /**
   * Shares of the driver's last sampling period in which a kernel ran, and in which memory was read or
   * written.
   */
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
  const buffer = Buffer.alloc(8);
  type Name = Parameters<NvmlLibrary['call']>[0];
  const unsigned32 = (name: Name, ...args: unknown[]): number | null =>
    library.call(name, whole, ...args, buffer) ? plausible(buffer.readUInt32LE(), NO_VALUE_32) : null;
  const counted = (name: Name) => (library.call(name, whole, buffer) ? unsigned64(buffer) : null);
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
      if (!library.call('nvmlDeviceGetUtilizationRates', handle, buffer)) return null;
      const [compute, used] = [buffer.readUInt32LE(0), buffer.readUInt32LE(4)];
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
  // All are asked for once, and what this device has is kept.
  const wanted = Object.keys(FIELDS) as NvmlField[];
  const all = fieldValues(library, device, wanted);
  const asked = all.refresh();
  const had = wanted.filter((field) => asked && all.value(field) !== null);
  const fields = fieldValues(library, device, had);
  const momentary = usageIsMomentary(library, device);
  const standsIn = !fields.has(momentary ? 'instant' : 'average');
  return () => {
    const fresh = fields.refresh();
    const milliwatts = (field: NvmlField) => (fresh ? milli(fields.value(field)) : null);
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
