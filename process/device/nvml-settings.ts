import { initNvml, NVML, type NvmlLibrary } from './nvml/library.js';

/**
 * The part of NVIDIA's management library that changes a GPU, opened by the power helper alone: the agent
 * reads (nvml.ts) and has no right to set. Numbers are those of nvml.h: mW and MHz.
 */
interface NvmlSettings {
  readonly uuids: readonly string[];
  /** @returns null for a GPU that is not here. */
  gpu(uuid: string): GpuSettings | null;
}

export interface GpuSettings {
  /** The limit that was set; a lower one of the driver's may be in force. */
  powerLimitMilliwatts(): number | null;
  powerRangeMilliwatts(): { readonly least: number; readonly most: number } | null;
  /** Clocks of the SMs at the highest memory clock, ascending; empty where the driver lists none. */
  clocksMegahertz(): readonly number[];
  /** @returns null when the driver did it, else its reason. */
  setPowerLimit(milliwatts: number): string | null;
  lockClocks(leastMegahertz: number, mostMegahertz: number): string | null;
  resetClocks(): string | null;
}

export type NvmlSettingsSearch =
  | { readonly found: true; readonly nvml: NvmlSettings }
  | { readonly found: false; readonly reason: string };

/** nvmlReturn_t, as far as setting can end so. */
const REASONS: Readonly<Record<number, string>> = {
  2: 'the driver calls the value wrong',
  3: 'this GPU does not have it',
  4: 'the driver wants root (CAP_SYS_ADMIN in a container)',
  15: 'the GPU has fallen off the bus',
  16: 'the GPU needs a reset',
};
/** A GPU has a few hundred clocks. */
const MOST_CLOCKS = 4096;

const SETTING = {
  nvmlDeviceGetPowerManagementLimit: '(void *device, void *milliwatts)',
  nvmlDeviceGetPowerManagementLimitConstraints: '(void *device, void *least, void *most)',
  nvmlDeviceSetPowerManagementLimit: '(void *device, uint32_t milliwatts)',
  nvmlDeviceGetSupportedMemoryClocks: '(void *device, void *count, void *megahertz)',
  nvmlDeviceGetSupportedGraphicsClocks:
    '(void *device, uint32_t memoryMegahertz, void *count, void *megahertz)',
  nvmlDeviceSetGpuLockedClocks: '(void *device, uint32_t least, uint32_t most)',
  nvmlDeviceResetGpuLockedClocks: '(void *device)',
} as const;

type Ask = NvmlLibrary<keyof typeof SETTING>['ask'];

/** @returns the library opened and initialised, or the reason why it is not. */
export async function openNvmlSettings(libraryPath?: string): Promise<NvmlSettingsSearch> {
  const opened = await initNvml(SETTING, libraryPath);
  if (!opened.found) return opened;
  const { library, handles } = opened;
  const gpus = new Map<string, GpuSettings>();
  for (const handle of handles) {
    const uuid = library.text('nvmlDeviceGetUUID', handle);
    if (uuid !== null) gpus.set(uuid, settingsOf(library.ask, handle));
  }
  return { found: true, nvml: { uuids: [...gpus.keys()], gpu: (uuid) => gpus.get(uuid) ?? null } };
}

function settingsOf(ask: Ask, device: unknown): GpuSettings {
  const failureOf = (status: number | null): string | null => {
    if (status === NVML.success) return null;
    if (status === null) return 'this driver cannot do it';
    return REASONS[status] ?? `the driver answers ${status}`;
  };
  const list = (fill: (count: Buffer, values: Buffer) => number | null): number[] => {
    const count = Buffer.alloc(4);
    const values = Buffer.alloc(4 * MOST_CLOCKS);
    count.writeUInt32LE(MOST_CLOCKS);
    if (fill(count, values) !== NVML.success) return [];
    const length = Math.min(count.readUInt32LE(), MOST_CLOCKS);
    return Array.from({ length }, (_, i) => values.readUInt32LE(4 * i)).sort((a, b) => a - b);
  };
  return {
    powerLimitMilliwatts() {
      const buffer = Buffer.alloc(4);
      const status = ask('nvmlDeviceGetPowerManagementLimit', device, buffer);
      return status === NVML.success ? buffer.readUInt32LE() : null;
    },
    powerRangeMilliwatts() {
      const [least, most] = [Buffer.alloc(4), Buffer.alloc(4)];
      const status = ask('nvmlDeviceGetPowerManagementLimitConstraints', device, least, most);
      return status === NVML.success ? { least: least.readUInt32LE(), most: most.readUInt32LE() } : null;
    },
    clocksMegahertz() {
      const memory = list((...out) => ask('nvmlDeviceGetSupportedMemoryClocks', device, ...out)).at(-1);
      if (memory === undefined) return [];
      return list((...out) => ask('nvmlDeviceGetSupportedGraphicsClocks', device, memory, ...out));
    },
    setPowerLimit: (milliwatts) => failureOf(ask('nvmlDeviceSetPowerManagementLimit', device, milliwatts)),
    lockClocks: (least, most) => failureOf(ask('nvmlDeviceSetGpuLockedClocks', device, least, most)),
    resetClocks: () => failureOf(ask('nvmlDeviceResetGpuLockedClocks', device)),
  };
}
