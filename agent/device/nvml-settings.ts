/**
 * The part of NVIDIA's management library that changes a GPU, opened by the power helper alone: the agent reads
 * (nvml.ts) and has no right to set. Numbers are those of nvml.h: mW and MHz.
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

const SUCCESS = 0;
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

const PROTOTYPES = {
  nvmlInit_v2: 'int nvmlInit_v2()',
  nvmlDeviceGetCount_v2: 'int nvmlDeviceGetCount_v2(void *count)',
  nvmlDeviceGetHandleByIndex_v2: 'int nvmlDeviceGetHandleByIndex_v2(uint32_t index, _Out_ void **device)',
  nvmlDeviceGetUUID: 'int nvmlDeviceGetUUID(void *device, void *text, uint32_t length)',
  nvmlDeviceGetPowerManagementLimit: 'int nvmlDeviceGetPowerManagementLimit(void *device, void *milliwatts)',
  nvmlDeviceGetPowerManagementLimitConstraints:
    'int nvmlDeviceGetPowerManagementLimitConstraints(void *device, void *least, void *most)',
  nvmlDeviceSetPowerManagementLimit:
    'int nvmlDeviceSetPowerManagementLimit(void *device, uint32_t milliwatts)',
  nvmlDeviceGetSupportedMemoryClocks:
    'int nvmlDeviceGetSupportedMemoryClocks(void *device, void *count, void *megahertz)',
  nvmlDeviceGetSupportedGraphicsClocks:
    'int nvmlDeviceGetSupportedGraphicsClocks(void *device, uint32_t memoryMegahertz, void *count, void *megahertz)',
  nvmlDeviceSetGpuLockedClocks:
    'int nvmlDeviceSetGpuLockedClocks(void *device, uint32_t least, uint32_t most)',
  nvmlDeviceResetGpuLockedClocks: 'int nvmlDeviceResetGpuLockedClocks(void *device)',
} as const;

/** nvmlReturn_t, or null for a function that this driver does not have. */
type Ask = (name: keyof typeof PROTOTYPES, ...args: unknown[]) => number | null;

/** @returns the library opened and initialised, or the reason why it is not. */
export async function openNvmlSettings(library = 'libnvidia-ml.so.1'): Promise<NvmlSettingsSearch> {
  const absent = (reason: string): NvmlSettingsSearch => ({ found: false, reason });
  let ask: Ask;
  try {
    const { default: koffi } = await import('koffi');
    const lib = koffi.load(library);
    const known = new Map<string, ((...args: unknown[]) => number) | null>();
    ask = (name, ...args) => {
      if (!known.has(name)) {
        try {
          known.set(name, lib.func(PROTOTYPES[name]));
        } catch {
          known.set(name, null);
        }
      }
      return known.get(name)?.(...args) ?? null;
    };
  } catch {
    return absent('no NVIDIA driver');
  }
  const count = Buffer.alloc(4);
  if (ask('nvmlInit_v2') !== SUCCESS || ask('nvmlDeviceGetCount_v2', count) !== SUCCESS) {
    return absent('the NVIDIA driver is installed but does not answer');
  }
  const gpus = new Map<string, GpuSettings>();
  for (let index = 0; index < count.readUInt32LE(); index++) {
    const handle: unknown[] = [null];
    const text = Buffer.alloc(128);
    if (ask('nvmlDeviceGetHandleByIndex_v2', index, handle) !== SUCCESS) continue;
    if (ask('nvmlDeviceGetUUID', handle[0], text, text.length) !== SUCCESS) continue;
    gpus.set(text.toString('utf8', 0, text.indexOf(0)), settingsOf(ask, handle[0]));
  }
  return { found: true, nvml: { uuids: [...gpus.keys()], gpu: (uuid) => gpus.get(uuid) ?? null } };
}

function settingsOf(ask: Ask, device: unknown): GpuSettings {
  const done = (status: number | null): string | null => {
    if (status === SUCCESS) return null;
    if (status === null) return 'this driver cannot do it';
    return REASONS[status] ?? `the driver answers ${status}`;
  };
  const list = (fill: (count: Buffer, values: Buffer) => number | null): number[] => {
    const count = Buffer.alloc(4);
    const values = Buffer.alloc(4 * MOST_CLOCKS);
    count.writeUInt32LE(MOST_CLOCKS);
    if (fill(count, values) !== SUCCESS) return [];
    const length = Math.min(count.readUInt32LE(), MOST_CLOCKS);
    return Array.from({ length }, (_, i) => values.readUInt32LE(4 * i)).sort((a, b) => a - b);
  };
  return {
    powerLimitMilliwatts() {
      const word = Buffer.alloc(4);
      return ask('nvmlDeviceGetPowerManagementLimit', device, word) === SUCCESS ? word.readUInt32LE() : null;
    },
    powerRangeMilliwatts() {
      const [least, most] = [Buffer.alloc(4), Buffer.alloc(4)];
      const status = ask('nvmlDeviceGetPowerManagementLimitConstraints', device, least, most);
      return status === SUCCESS ? { least: least.readUInt32LE(), most: most.readUInt32LE() } : null;
    },
    clocksMegahertz() {
      const memory = list((count, values) =>
        ask('nvmlDeviceGetSupportedMemoryClocks', device, count, values),
      ).at(-1);
      if (memory === undefined) return [];
      return list((count, values) =>
        ask('nvmlDeviceGetSupportedGraphicsClocks', device, memory, count, values),
      );
    },
    setPowerLimit: (milliwatts) => done(ask('nvmlDeviceSetPowerManagementLimit', device, milliwatts)),
    lockClocks: (least, most) => done(ask('nvmlDeviceSetGpuLockedClocks', device, least, most)),
    resetClocks: () => done(ask('nvmlDeviceResetGpuLockedClocks', device)),
  };
}
