import { importKoffi } from '../koffi.js';
/**
 * Counters of the kernel's performance events, for a whole CPU (perf_event_open(2)). Node has no such call,
 * so it is made through koffi.
 */
export type PerfEvents =
  | {
      readonly found: true;
      /** @returns a file that holds the count as 64 bits, or the name of the error: `EACCES`, `ENODEV`, … */
      open(type: number, config: bigint, cpu: number): number | string;
    }
  | { readonly found: false; readonly reason: string };

/** asm/unistd.h: perf_event_open. */
const NUMBER: Readonly<Record<string, number>> = { x64: 298, arm64: 241 };
/** perf_event_attr as its first version had it: u32 type, u32 size, u64 config, and what may stay 0. */
const ATTRIBUTE = { bytes: 64, type: 0, size: 4, config: 8 };
const EVERY_PROCESS = -1;
const NO_GROUP = -1;
/** Closed in a child that the agent starts. */
const CLOSE_ON_EXEC = 8;

/** @returns the call, or why there is none on this system. */
export async function openPerfEvents(): Promise<PerfEvents> {
  const number = process.platform === 'linux' ? NUMBER[process.arch] : undefined;
  if (number === undefined) return { found: false, reason: 'no perf events on this system' };
  try {
    const koffi = await importKoffi();
    // The process itself: whatever C library Node is linked with.
    const prototype =
      'long syscall(long number, void *attribute, int pid, int cpu, int group, unsigned long flags)';
    const call = koffi.load(null).func(prototype);
    const nameOf = new Map(Object.entries(koffi.os.errno).map(([name, code]) => [code as number, name]));
    return {
      found: true,
      open(type, config, cpu) {
        const attribute = Buffer.alloc(ATTRIBUTE.bytes);
        attribute.writeUInt32LE(type, ATTRIBUTE.type);
        attribute.writeUInt32LE(ATTRIBUTE.bytes, ATTRIBUTE.size);
        attribute.writeBigUInt64LE(config, ATTRIBUTE.config);
        const file = Number(call(number, attribute, EVERY_PROCESS, cpu, NO_GROUP, CLOSE_ON_EXEC));
        return file >= 0 ? file : (nameOf.get(koffi.errno()) ?? `error ${koffi.errno()}`);
      },
    };
  } catch (error) {
    return { found: false, reason: `perf events cannot be opened: ${(error as Error).message}` };
  }
}
