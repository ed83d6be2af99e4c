import { z } from 'zod';
import { architectureSchema } from './architecture-schema.js';
import { recordFactorsSchema } from './factors/factors.js';
import { ARITHMETICS, MODULES } from './work.js';

const number = z.number();
export const BOUNDS = ['memory', 'compute'] as const;

/** A module under its roofs: times are of the profiled run, work of what it asks. */
const moduleSchema = z.object({
  module: z.enum([...MODULES, 'around']),
  calls: z.number().int(),
  seconds: number,
  share: number,
  flops: number.nullable(),
  bytes: number.nullable(),
  intensity: number.nullable(),
  flopsPerSecond: number.nullable(),
  bytesPerSecond: number.nullable(),
  /** The least time that the roofs allow, over the time it took; null where the work is not counted. */
  roofRatio: number.nullable(),
  bound: z.enum(BOUNDS).nullable(),
});

const phaseSchema = z.object({
  name: z.enum(['prefill', 'decode']),
  /** Tokens evaluated in one repeat, and passes of the engine. */
  tokens: z.number().int(),
  passes: z.number().int(),
  /** Of one repeat. */
  flops: number,
  bytes: z.object({ weights: number, cacheRead: number, cacheWritten: number, activations: number }),
  /** FLOP per byte of weights and cache. */
  intensity: number,
  /** What the phase took: the median of the repeats. */
  measuredSeconds: number,
  /** The least that the roofs allow, operator by operator. */
  roofSeconds: number,
  /** null without factors of this engine on this device. */
  predictedSeconds: number.nullable(),
  /** Measured over predicted: 1.1 = a tenth slower than predicted. */
  residualRatio: number.nullable(),
  flopsPerSecond: number,
  bytesPerSecond: number,
  /** Model FLOPs utilization against the peak of the arithmetic that most FLOPs are in. */
  mfu: number.nullable(),
  peak: z.object({ arithmetic: z.enum(ARITHMETICS), flopsPerSecond: number }).nullable(),
  /** Model bandwidth utilization: weights and cache against the bandwidth they can come at. */
  mbu: number,
  bandwidth: z.object({ level: z.enum(['L3', 'memory']), bytesPerSecond: number }),
  /** Roof seconds over measured seconds: 1 = nothing is left to gain. */
  roofRatio: number,
  bound: z.enum(BOUNDS),
  /** What binds: `memory`, `L3`, or the arithmetic whose peak does. */
  boundLevel: z.string(),
  /** null unless the trial was profiled. */
  modules: z.array(moduleSchema).nullable(),
});

/** Where a result stands under the ceilings of its machine. */
export const rooflineSchema = z.object({
  /** Measured on the node (`id` names the roofs), or published by the maker (`id` is the catalogue's): never a mixture. */
  ceilings: z.object({ origin: z.enum(['measured', 'published']), id: z.string(), name: z.string() }),
  threads: z.number().int(),
  /** Id of the efficiency factors that predictions rest on. */
  factors: z.string().nullable(),
  phases: z.array(phaseSchema),
});

/** What the judge is given to place a record; kept, so that it can be placed again. */
export const rooflineGivenSchema = z.object({
  architecture: architectureSchema,
  /** Of the last cache that the device's CPUs share; null where there is none. */
  cacheBytes: number.nullable(),
  threads: z.number().int().positive(),
  factors: recordFactorsSchema.nullable(),
});

export type RooflineRecord = z.infer<typeof rooflineSchema>;
export type RooflinePhase = RooflineRecord['phases'][number];
export type RooflineModule = z.infer<typeof moduleSchema>;
export type RooflineGiven = z.infer<typeof rooflineGivenSchema>;
