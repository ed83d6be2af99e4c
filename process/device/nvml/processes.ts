import { NVML, type NvmlLibrary } from './library.js';
import { unsigned64 } from './plausible.js';

/** A process that computes on a device, in whatever container it lives. */
export interface GpuProcess {
  /** As the driver numbers it: inside a container this may be a number of the host. */
  readonly pid: number;
  /** null where the driver does not say (NVML_VALUE_NOT_AVAILABLE: Windows' WDDM, some virtual GPUs). */
  readonly usedBytes: number | null;
}

/** nvmlProcessInfo_t of _v3 and _v2: u32 pid, u64 used, u32 GPU instance, u32 compute instance. */
const ENTRY = { bytes: 24, used: 8 };
const NAMES = ['nvmlDeviceGetComputeRunningProcesses_v3', 'nvmlDeviceGetComputeRunningProcesses_v2'] as const;
const MOST = 4096;

/** @returns a function that lists the device's processes, or null when the driver does not say. */
export function processLister(library: NvmlLibrary, device: unknown): () => readonly GpuProcess[] | null {
  const count = Buffer.alloc(4);
  let entries = Buffer.alloc(16 * ENTRY.bytes);
  const ask = (name: (typeof NAMES)[number]) => {
    count.writeUInt32LE(entries.length / ENTRY.bytes);
    return library.ask(name, device, count, entries);
  };
  return () => {
    for (const name of NAMES) {
      let answer = ask(name);
      // More may have come since it counted them, hence the room beyond what it asked for.
      while (answer === NVML.insufficientSize && entries.length < MOST * ENTRY.bytes) {
        const wanted = Math.max(count.readUInt32LE(), entries.length / ENTRY.bytes) + 8;
        entries = Buffer.alloc(Math.min(wanted, MOST) * ENTRY.bytes);
        answer = ask(name);
      }
      if (answer === NVML.success) return listed(entries, count.readUInt32LE());
      if (answer !== null) return null;
    }
    return null;
  };
}

function listed(entries: Buffer, count: number): GpuProcess[] {
  return Array.from({ length: Math.min(count, entries.length / ENTRY.bytes) }, (_, index) => {
    const at = index * ENTRY.bytes;
    const usedBytes = unsigned64(entries, at + ENTRY.used);
    return { pid: entries.readUInt32LE(at), usedBytes };
  });
}
