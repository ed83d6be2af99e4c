import { orElse } from '../../core/or-else.js';
import { loadLibrary } from '../koffi.js';
/**
 * AMD's management libraries, opened through koffi, for the one thing that /sys does not show: the energy
 * counter. Layouts that change between their releases are left alone; what is called here has stayed the
 * same.
 */
export interface AmdSmi {
  /** `libamd_smi.so`, `librocm_smi64.so`. */
  readonly library: string;
  /**
   * @param pciAddress `0000:03:00.0`
   * @returns joules since the driver was loaded, or null for a GPU without a counter.
   */
  energyJoules(pciAddress: string): number | null;
  close(): void;
}

export type AmdSmiSearch =
  | { readonly found: true; readonly amdSmi: AmdSmi }
  | { readonly found: false; readonly reason: string };

/** ROCm installs outside of the linker's path. */
const LIBRARIES = [
  'libamd_smi.so',
  '/opt/rocm/lib/libamd_smi.so',
  'librocm_smi64.so',
  '/opt/rocm/lib/librocm_smi64.so',
];
const SUCCESS = 0;
/** amdsmi.h: AMDSMI_INIT_AMD_GPUS. */
const ONLY_GPUS = 2n;
const POINTER_BYTES = 8;
const MICRO = 1e-6;
const ALL_ONES = 2n ** 64n - 1n;

type NativeFunction = (...args: unknown[]) => unknown;
interface Library {
  func(prototype: string): NativeFunction;
}
/** Writes count (u64), resolution in microjoules (f32) and time (u64), and gives a status. */
type ReadEnergy = (accumulator: Buffer, resolution: Buffer, timestamp: Buffer) => number;

/** @returns the first library that is here and sees a GPU, or the reason why none does. */
export async function openAmdSmi(libraries: readonly string[] = LIBRARIES): Promise<AmdSmiSearch> {
  let reason = 'no AMD SMI library (libamd_smi.so, librocm_smi64.so)';
  for (const path of libraries) {
    const library: Library | null = await loadLibrary(path);
    if (library === null) continue;
    const name = path.split('/').at(-1) ?? path;
    try {
      const isNew = hasFunction(library, 'int amdsmi_init(uint64_t flags)');
      const gpus = isNew ? throughAmdSmi(library) : throughRocmSmi(library);
      if (gpus.size > 0) return { found: true, amdSmi: reader(name, library, gpus) };
      reason = `${name} sees no GPU`;
    } catch (error) {
      reason = `${name} does not answer: ${(error as Error).message}`;
    }
  }
  return { found: false, reason };
}

function hasFunction(library: Library, prototype: string): boolean {
  return orElse(() => library.func(prototype), null) !== null;
}

/** amdsmi.h: sockets, in each of them processors, each with a PCI address. */
function throughAmdSmi(library: Library): Map<string, ReadEnergy> {
  check('amdsmi_init', library.func('int amdsmi_init(uint64_t flags)')(ONLY_GPUS));
  const sockets = library.func('int amdsmi_get_socket_handles(void *count, void *handles)');
  const prototype = 'int amdsmi_get_processor_handles(uint64_t socket, void *count, void *handles)';
  const processors = library.func(prototype);
  const address = library.func('int amdsmi_get_gpu_device_bdf(uint64_t processor, void *bdf)');
  const energy = library.func(
    'int amdsmi_get_energy_count(uint64_t processor, void *accumulator, void *resolution, void *timestamp)',
  );
  const gpus = new Map<string, ReadEnergy>();
  const bdf = Buffer.alloc(8);
  for (const socket of handles((count, room) => sockets(count, room))) {
    for (const processor of handles((count, room) => processors(socket, count, room))) {
      if (address(processor, bdf) !== SUCCESS) continue;
      const readEnergy: ReadEnergy = (...out) => Number(energy(processor, ...out));
      gpus.set(pciAddress(bdf.readBigUInt64LE(), 16n), readEnergy);
    }
  }
  return gpus;
}

/** rocm_smi.h: GPUs by index. */
function throughRocmSmi(library: Library): Map<string, ReadEnergy> {
  check('rsmi_init', library.func('int rsmi_init(uint64_t flags)')(0n));
  const address = library.func('int rsmi_dev_pci_id_get(uint32_t index, void *bdf)');
  const energy = library.func(
    'int rsmi_dev_energy_count_get(uint32_t index, void *accumulator, void *resolution, void *timestamp)',
  );
  const count = Buffer.alloc(4);
  check('rsmi_num_monitor_devices', library.func('int rsmi_num_monitor_devices(void *count)')(count));
  const gpus = new Map<string, ReadEnergy>();
  const bdf = Buffer.alloc(8);
  for (let index = 0; index < count.readUInt32LE(); index++) {
    if (address(index, bdf) !== SUCCESS) continue;
    const readEnergy: ReadEnergy = (...out) => Number(energy(index, ...out));
    gpus.set(pciAddress(bdf.readBigUInt64LE(), 32n), readEnergy);
  }
  return gpus;
}

/** Asked once for the number of handles, then for them. */
function handles(ask: (count: Buffer, room: Buffer | null) => unknown): readonly bigint[] {
  const count = Buffer.alloc(4);
  if (ask(count, null) !== SUCCESS) return [];
  const room = Buffer.alloc(Math.max(1, count.readUInt32LE()) * POINTER_BYTES);
  if (ask(count, room) !== SUCCESS) return [];
  const given = Math.min(count.readUInt32LE(), room.length / POINTER_BYTES);
  return Array.from({ length: given }, (_, i) => room.readBigUInt64LE(i * POINTER_BYTES));
}

/**
 * Function in 3 bits, device in 5, bus in 8; the domain begins at bit 16 or, in the older library, at bit 32.
 */
function pciAddress(bdf: bigint, domainBit: bigint): string {
  const hex = (value: bigint, digits: number) => value.toString(16).padStart(digits, '0');
  const [domain, bus, device] = [bdf >> domainBit, (bdf >> 8n) & 255n, (bdf >> 3n) & 31n];
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}.${bdf & 7n}`;
}

function reader(name: string, library: Library, gpus: ReadonlyMap<string, ReadEnergy>): AmdSmi {
  const accumulator = Buffer.alloc(8);
  const resolution = Buffer.alloc(4);
  const timestamp = Buffer.alloc(8);
  const end = hasFunction(library, 'int amdsmi_shut_down()')
    ? 'int amdsmi_shut_down()'
    : 'int rsmi_shut_down()';
  return {
    library: name,
    energyJoules(address) {
      const status = gpus.get(address)?.(accumulator, resolution, timestamp);
      if (status !== SUCCESS) return null;
      const count = accumulator.readBigUInt64LE();
      if (count === ALL_ONES) return null;
      return Number(count) * resolution.readFloatLE() * MICRO;
    },
    close: () => void library.func(end)(),
  };
}

function check(name: string, status: unknown): void {
  if (status !== SUCCESS) throw new Error(`${name} gave status ${status}`);
}
