import { z } from 'zod';
import { ARITHMETICS } from '../work/work.js';
import { roofWarningSchema } from './roof-warnings.js';
import { ACCESSES, LEVELS, type Roofs, UNITS } from './roofs.js';

/**
 * The roofs that a result stands under, without their repeats: the whole is kept on the node, by the same id.
 */
export const recordRoofsSchema = z
  .object({
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
    warnings: z.array(roofWarningSchema),
    caveats: z.array(z.string()),
  })
  .meta({ id: 'roofs' });

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
    warnings: roofs.warnings.map((warning) => ({ ...warning })),
    caveats: [...roofs.caveats],
  };
}
