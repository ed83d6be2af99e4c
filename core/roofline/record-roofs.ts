import { z } from 'zod';
import { atThreads } from './at-threads.js';
import type { Ceilings } from './ceilings.js';
import { ACCESSES, LEVELS, type Roofs, UNITS } from './roofs.js';
import { ARITHMETICS, type Arithmetic } from './work.js';

/** The roofs that a result stands under, without their repeats: the whole is kept on the node, by the same id. */
export const recordRoofsSchema = z.object({
  /** The first 16 hex digits of the SHA-256 of the whole file. */
  id: z.string(),
  measuredAt: z.iso.datetime(),
  bandwidth: z.array(
    z.object({
      level: z.enum(LEVELS),
      access: z.enum(ACCESSES),
      threads: z.number().int(),
      bytesPerSecond: z.number(),
    }),
  ),
  compute: z.array(
    z.object({
      arithmetic: z.enum(ARITHMETICS),
      unit: z.enum(UNITS),
      threads: z.number().int(),
      flopsPerSecond: z.number(),
    }),
  ),
  launchSeconds: z.number().nullable(),
  links: z.array(z.object({ name: z.string(), bytesPerSecond: z.number() })),
  doubts: z.array(z.string()),
});

export type RecordRoofs = z.infer<typeof recordRoofsSchema>;

/** @returns what a record keeps of `roofs`. @param id of the whole, as it is stored. */
export function recordRoofsOf(roofs: Roofs, id: string): RecordRoofs {
  return {
    id,
    measuredAt: roofs.measuredAt,
    bandwidth: roofs.bandwidth.map(({ level, access, threads, bytesPerSecond }) => ({
      level,
      access,
      threads,
      bytesPerSecond: bytesPerSecond.value,
    })),
    compute: roofs.compute.map(({ arithmetic, unit, threads, flopsPerSecond }) => ({
      arithmetic,
      unit,
      threads,
      flopsPerSecond: flopsPerSecond.value,
    })),
    launchSeconds: roofs.launchSeconds?.value ?? null,
    links: roofs.links.map(({ name, bytesPerSecond }) => ({ name, bytesPerSecond: bytesPerSecond.value })),
    doubts: [...roofs.doubts],
  };
}

/**
 * The ceilings for work on so many threads.
 * @param threads of the trial; where roofs were not measured at this number, those of the next lower one count, and where
 *   there is none, those of the lowest. Roofs of a GPU have one number.
 * @returns null when no bandwidth of memory was measured. Memory is what can be read, for that is what inference
 *   does; another access counts only where reading was not measured.
 */
export function ceilingsAt(
  roofs: RecordRoofs,
  device: { readonly name: string; readonly memoryBytes: number | null },
  threads: number,
): Ceilings | null {
  const all = roofs.bandwidth.filter(({ level }) => level === 'memory');
  const read = all.filter(({ access }) => access === 'read');
  const memory = atThreads(read.length > 0 ? read : all, threads);
  if (memory.length === 0) return null;
  const peaks: Partial<Record<Arithmetic, number>> = {};
  for (const arithmetic of ARITHMETICS) {
    const own = atThreads(
      roofs.compute.filter((roof) => roof.arithmetic === arithmetic),
      threads,
    );
    if (own.length > 0) peaks[arithmetic] = Math.max(...own.map(({ flopsPerSecond }) => flopsPerSecond));
  }
  const link = (kind: RegExp) => {
    const found = roofs.links.filter(({ name }) => kind.test(name));
    return found.length === 0 ? null : Math.max(...found.map(({ bytesPerSecond }) => bytesPerSecond));
  };
  return {
    name: device.name,
    origin: 'measured',
    memoryBytesPerSecond: Math.max(...memory.map(({ bytesPerSecond }) => bytesPerSecond)),
    peaks,
    peerBytesPerSecond: link(/^(nvlink|xgmi|peer)/),
    hostBytesPerSecond: link(/^pcie:host-to-device/),
    memoryBytes: device.memoryBytes,
  };
}
