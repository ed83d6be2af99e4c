import { z } from 'zod';
import { architectureSchema } from '../work/architecture-schema.js';
import { ARITHMETICS, MODULES, OPERATOR_CLASSES, type OperatorWork, PLACED_PHASES } from '../work/work.js';
import { recordFactorsSchema } from './factors.js';
import { hostTimesSchema } from './host-times.js';
import { recordRoofsSchema } from './roofs-record.js';

/** Where what is read comes from, if everything goes as well as it can; of a GPU the last cache is its L2. */
const BOUND_LEVELS = ['L2', 'L3', 'memory'] as const;
export type BoundLevel = (typeof BOUND_LEVELS)[number];

const number = z.number();
const BOUNDS = ['memory', 'compute'] as const;

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
  name: z.enum(PLACED_PHASES),
  /**
   * Tokens evaluated in one repeat, and passes of the engine: a step of training, and a call of an op, are
   * one. null of an op.
   */
  tokens: z.number().int().nullable(),
  passes: z.number().int(),
  /** Of one repeat; of a server, see `served`. */
  flops: number,
  /**
   * null of an op, which does not tell kinds apart. Of training, `cacheRead` is what an earlier part of the
   * step left, and `cacheWritten` what stays: parameters and the moments of the optimizer.
   */
  bytes: z
    .object({ weights: number, cacheRead: number, cacheWritten: number, activations: number })
    .nullable(),
  /** FLOP per byte of weights and cache; of an op, of all bytes. */
  intensity: number,
  /** What the phase took: the median of the repeats. */
  measuredSeconds: number,
  /** The least that the roofs allow, operator by operator. */
  roofSeconds: number,
  /**
   * By the factors of this engine on this device, null without them. Of a runner whose kernels have no
   * factors it is what the measured roofs allow, operator by operator: then the record names no `factors`.
   */
  predictedSeconds: number.nullable(),
  /**
   * How far the prediction may lie off, from models that the factors were not fitted to: within predicted /
   * ratio and predicted · ratio 95 times of 100; `beyond` says what of this phase lies outside of what was
   * looked at. Left out where nobody looked.
   */
  predictionError: z.object({ ratio: number.min(1), beyond: z.array(z.string()) }).optional(),
  /**
   * What the measured time is made of, as far as tables and the server tell: the predicted time of operators,
   * the predicted gaps around them (null = nobody fitted what the host takes), and what requests waited
   * before they were begun, in the mean (Little's law: those that wait, over those that come in a second;
   * null = the server tells nothing of its queue). What is left of the measured time nothing explains. Left
   * out where no tables predict.
   */
  parts: z
    .object({
      operatorSeconds: number,
      gapSeconds: number.nullable(),
      queueSeconds: number.nullable(),
    })
    .optional(),
  /** Why the factors predict nothing, where they are there; left out otherwise. */
  notPredicted: z.string().optional(),
  /** Measured over predicted: 1.1 = a tenth slower than predicted. */
  residualRatio: number.nullable(),
  flopsPerSecond: number,
  bytesPerSecond: number,
  /** Model FLOPs utilization against the peak of the arithmetic that most FLOPs are in. */
  mfu: number.nullable(),
  peak: z.object({ arithmetic: z.enum(ARITHMETICS), flopsPerSecond: number }).nullable(),
  /** Model bandwidth utilization: weights and cache against the bandwidth they can come at. */
  mbu: number,
  bandwidth: z.object({ level: z.enum(BOUND_LEVELS), bytesPerSecond: number }),
  /** Roof seconds over measured seconds: 1 = nothing is left to gain. */
  roofRatio: number,
  bound: z.enum(BOUNDS),
  /** What binds: `memory`, `L3` (of a GPU `L2`), or the arithmetic whose peak does. */
  boundLevel: z.string(),
  /** null unless the trial was profiled. */
  modules: z.array(moduleSchema).nullable(),
});

/** How full the steps of a server were while it was measured, in the mean: what its work is counted from. */
const servedSchema = z.object({
  /** Of the run, in its seconds; `steady` = the steady state that was found, otherwise the whole run. */
  window: z.object({ fromSeconds: number, toSeconds: number, steady: z.boolean() }),
  batchFrom: z.enum(['requests', 'server']),
  stepSequences: number,
  meanSequences: number,
  contextTokens: number,
  /** Prompts of others that were read between two tokens of a sequence. */
  promptsPerStep: number,
  /** Prompts that are read in one go. */
  promptsAtOnce: number,
  /** Share of the prompts that were read while others decoded. */
  promptsBetween: number,
  /** Of a prompt, and those of them that the prefix cache of the server had. */
  promptTokens: number,
  cachedTokens: number,
  /**
   * What the load and the server were simulated as: predictions of `prefill` (the median TTFT) and `decode`
   * (TPOT) then have the queue in them. Left out where they are of the mean prompt and step alone.
   */
  simulated: z.object({ load: z.string(), server: z.string() }).optional(),
});

/** Measured on the node (`id` names the roofs), or published by the maker (`id` is the catalogue's). */
const ceilingsSchema = z.object({
  origin: z.enum(['measured', 'published']),
  id: z.string(),
  name: z.string(),
});

/**
 * Where a result stands under the ceilings of its machine: all measured, or all published, never a mixture.
 */
export const rooflineSchema = z.object({
  ceilings: ceilingsSchema,
  threads: z.number().int(),
  /** Id of the efficiency factors that predictions rest on. */
  factors: z.string().nullable(),
  /**
   * Whose measured operators predictions rest on: `tables of vLLM 0.24.0 on NVIDIA H100 SXM 80GB`. Left out
   * where they rest on factors of the node, or on its roofs alone.
   */
  predictedBy: z.string().optional(),
  /** Of a server `prefill` is the time to the first token, `decode` one step, and `serve` the window. */
  phases: z.array(phaseSchema),
  /** Left out of what is no server. */
  served: servedSchema.optional(),
  /** That share the work: phases are of one of them. Left out = one. */
  devices: z.number().int().positive().optional(),
  /**
   * Devices that have other layers each, one behind the other: phases are of all of them together, and
   * `ceilings` of the first. Left out = one has all.
   */
  stages: z.array(z.object({ ceilings: ceilingsSchema, layers: z.number().int() })).optional(),
});

/** What a part of a step of training asks, counted from its graph. */
const partSchema = z.object({
  name: z.enum(['forward', 'backward', 'optimizer']),
  operators: z.array(
    z.object({
      name: z.string(),
      module: z.enum(MODULES),
      class: z.enum(OPERATOR_CLASSES),
      arithmetic: z.enum(ARITHMETICS),
      weights: z.string().optional(),
      calls: z.number().int(),
      flops: number,
      traffic: z.object({
        weightsRead: number,
        cacheRead: number,
        cacheWritten: number,
        activationsRead: number,
        activationsWritten: number,
      }),
      linkBytes: number,
    }) satisfies z.ZodType<OperatorWork>,
  ),
});

/** What the judge is given to place a record; kept, so that it can be placed again. */
export const rooflineGivenSchema = z.object({
  architecture: architectureSchema,
  /** Of the last cache that the device's CPUs share; null where there is none. */
  cacheBytes: number.nullable(),
  threads: z.number().int().positive(),
  factors: recordFactorsSchema.nullable(),
  /** Of the server that was asked, as fitted to earlier runs here; left out where nobody fitted any. */
  host: hostTimesSchema.optional(),
  /** Of a step of training; left out of other trials. */
  parts: z.array(partSchema).optional(),
  /** Devices that the trial has beside its own, in the order of its lease; left out = none. */
  others: z
    .array(
      z.object({
        name: z.string(),
        roofs: recordRoofsSchema.nullable(),
        factors: recordFactorsSchema.nullable(),
      }),
    )
    .optional(),
  /**
   * Layers of each device, its own first, where they have different ones; the last that is named has the
   * output. `overlaps`: a pass may be on one while the one before it is on the next. Left out = each has all,
   * or a part of all.
   */
  stages: z
    .object({ layers: z.array(z.number().int().nonnegative()).min(1), overlaps: z.boolean() })
    .optional(),
  /**
   * How a model is spread over devices that share its matrices or its requests; left out = over none but its
   * own.
   */
  split: z
    .object({
      tensor: z.number().int().positive(),
      pipeline: z.number().int().positive(),
      replicas: z.number().int().positive(),
      spreadsExperts: z.boolean(),
    })
    .optional(),
});

export type RooflineRecord = z.infer<typeof rooflineSchema>;
export type RooflinePhase = RooflineRecord['phases'][number];
export type RooflineModule = z.infer<typeof moduleSchema>;
export type TrainingPart = z.infer<typeof partSchema>;
export type RooflineGiven = z.infer<typeof rooflineGivenSchema>;
