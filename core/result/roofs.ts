import { z } from 'zod';
import { ARITHMETICS } from '../work/work.js';
import { roofWarningSchema } from './roof-warnings.js';

/**
 * Roofs: what a device can do at best, measured on that device (`ridge roofs`). Published figures live in the
 * hardware catalogue and never mix with these; a row says which it stands under.
 */
export const ROOFS_SCHEMA = 'ridgepoint.dev/roofs/v1';

export const LEVELS = ['L1', 'L2', 'L3', 'memory'] as const;
export const ACCESSES = ['read', 'write', 'copy', 'triad'] as const;
export const UNITS = ['vector', 'matrix'] as const;

/** A ceiling: the best of several repeats is the roof, and all repeats are kept. */
const reading = z.object({
  value: z.number().positive(),
  /** One value per repeat, in order. */
  samples: z.array(z.number()),
  cv: z.number().nullable(),
});

const bandwidthRoof = z.object({
  level: z.enum(LEVELS),
  access: z.enum(ACCESSES),
  threads: z.number().int().positive(),
  /** All arrays together. */
  workingSetBytes: z.number().int().positive(),
  /** Bytes that the program reads and writes, as STREAM counts: no write-allocate. */
  bytesPerSecond: reading,
  /**
   * The kind of stores that was fastest: those past the caches write no line that was first read. Left out
   * for reads and GPUs.
   */
  stores: z.enum(['regular', 'streaming']).optional(),
});

const computeRoof = z.object({
  arithmetic: z.enum(ARITHMETICS),
  /**
   * `vector` is fused multiply-adds from registers; `matrix` is a matrix product from cache, tiles or tensor
   * cores.
   */
  unit: z.enum(UNITS),
  threads: z.number().int().positive(),
  /** A multiply and an add are two, for integers, too. */
  flopsPerSecond: reading,
  /** The instruction set that reached it, of all that the processor runs; left out for GPUs. */
  instructions: z.string().optional(),
});

const linkRoof = z.object({
  /** `pcie:host-to-device`, `nvlink:0-1`, … */
  name: z.string(),
  bytesPerSecond: reading,
});

export const roofsSchema = z.object({
  schema: z.literal(ROOFS_SCHEMA),
  device: z.object({ id: z.string(), class: z.string(), name: z.string() }),
  measuredAt: z.iso.datetime(),
  /** What the ceilings depend on: when one of these changes, they are measured again. */
  environment: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  /** Level of instructions that was used; left out for GPUs. */
  instructions: z.string().optional(),
  bandwidth: z.array(bandwidthRoof),
  compute: z.array(computeRoof),
  /** Time to start work and know that it ended: a kernel launch, or waking and joining the threads. */
  launchSeconds: reading.nullable(),
  links: z.array(linkRoof),
  /** What makes them no ceilings, or strange ones. */
  warnings: z.array(roofWarningSchema),
  /**
   * Sentences about what the measurement had to make do with, and what its repeats say against it; empty when
   * nothing does.
   */
  caveats: z.array(z.string()),
  /** Why a ceiling is not here, by its name. */
  absent: z.record(z.string(), z.string()),
});

export type Roofs = z.infer<typeof roofsSchema>;
export type BandwidthRoof = Roofs['bandwidth'][number];
export type ComputeRoof = Roofs['compute'][number];
export type RoofReading = z.infer<typeof reading>;
