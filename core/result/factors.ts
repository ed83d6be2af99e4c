import { z } from 'zod';
import { roofWarningSchema } from './roof-warnings.js';

/**
 * Efficiency factors: how close the operators of an engine come to a device's roofs, fitted from benches of
 * single operators on that device (docs/decisions/0019). They are kept apart from the machineModel: work /
 * (roof · factor) is a time.
 */
export const FACTORS_SCHEMA = 'ridgepoint.dev/factors/v2';

/**
 * A factor at a number of rows (tokens in a pass, or queries of a sequence); between two of them it is
 * interpolated.
 */
const curve = z
  .array(z.object({ rows: z.number().int().positive(), factor: z.number().positive() }))
  .min(1)
  .meta({ id: 'curve' });

export const ELEMENTWISE_KINDS = ['norm', 'rope', 'add', 'act', 'store'] as const;

/**
 * How far predictions of a phase lay from what models took that the fit had not seen, and what these reached
 * to.
 */
const checkSchema = z.object({
  phase: z.enum(['prefill', 'decode']),
  points: z.number().int(),
  /** Which the points are of. */
  models: z.number().int().positive(),
  /** Root mean square of ln(predicted / measured): a bias is an error, too. */
  error: z.number().nonnegative(),
  /** The most sequences, tokens of a pass, tokens of a sequence, and bytes that a pass reads. */
  sequences: z.number().int(),
  passTokens: z.number().int(),
  depth: z.number().int(),
  setBytes: z.number(),
});

/** The factors of one number of threads. */
const threadFactorsSchema = z.object({
  threads: z.number().int().positive(),
  /**
   * What every node of a graph takes beside its work: threads that meet and wake, or a launch; from whole
   * passes.
   */
  nodeSeconds: z.number().nonnegative(),
  /**
   * And besides where weights come from memory: they push what nodes work with, and threads meet at, out of
   * the near caches.
   */
  streamedNodeSeconds: z.number().nonnegative(),
  /** What every pass takes outside its graph, and for each byte of logits that is handed over. */
  passSeconds: z.number().nonnegative(),
  logitSecondsPerByte: z.number().nonnegative(),
  /**
   * Bytes read in every pass of which half still come from the last cache, and how sharply that share falls.
   */
  capacityBytes: z.number().positive().nullable(),
  steepness: z.number().positive(),
  /** Matrix products by the type of their weights. */
  products: z.record(
    z.string(),
    z.object({
      /**
       * Of the bandwidth of memory: one row streams through the weights, while tiles of several walk rows of
       * weights apart, which a cache does not mind and memory does. And of the arithmetic's peak.
       */
      memory: curve,
      compute: curve,
      /** Of the near cache's bandwidth: inputs are converted to what the weights are multiplied with. */
      convert: z.number().positive(),
      /** What a matrix that comes from memory takes beside its bytes: its stream has to begin anew. */
      startSeconds: z.number().nonnegative(),
      /** What an output takes beside its multiplications: lanes are added up, which short rows feel. */
      outputSeconds: z.number().nonnegative(),
      /**
       * 1 = reading and computing take turns, large = they overlap: (tᵐ + tᶜ) in the norm of this exponent.
       */
      sharpness: z.number().min(1),
    }),
  ),
  /** Of the peak, by queries of a sequence. */
  attention: curve,
  /**
   * Of the bandwidth that the cache of keys and values is read at: it is waited for, and short runs are read.
   */
  attentionMemory: z.number().positive(),
  /** As that of products: 1 where keys are waited for before they are used. */
  attentionSharpness: z.number().min(1),
  /** Seconds that a pair takes whose mask alone is looked at, by queries of a sequence. */
  maskedPair: curve,
  /** Of the near cache's bandwidth. */
  elementwise: z.partialRecord(z.enum(ELEMENTWISE_KINDS), curve),
  checks: z.array(checkSchema),
});

/** How well a factor is known. */
const evidence = z.object({
  threads: z.number().int().positive(),
  /** `products q4_k compute 8`, `attention 512`. */
  name: z.string(),
  value: z.number(),
  /** Benches it rests on, and the standard deviation of ln(predicted / measured) over them. */
  n: z.number().int(),
  spread: z.number().nullable(),
});

export const factorsSchema = z.object({
  schema: z.literal(FACTORS_SCHEMA),
  device: z.object({ id: z.string(), class: z.string(), name: z.string() }),
  measuredAt: z.iso.datetime(),
  /** Fitted in a fifth of the time, as a run does. */
  quick: z.boolean(),
  /**
   * Id of the roofs that the factors are relative to, and the engine they hold for; its build is in
   * `environment`.
   */
  roofs: z.string(),
  engine: z.string(),
  environment: z
    .object({ engineBuild: z.string() })
    .catchall(z.union([z.string(), z.number(), z.boolean(), z.null()])),
  threads: z.array(threadFactorsSchema).min(1),
  evidence: z.array(evidence),
  /** Of the roofs that they are relative to, and of their own benches. */
  warnings: z.array(roofWarningSchema),
  caveats: z.array(z.string()),
});

/** What a record keeps of them: those of one number of threads. */
export const recordFactorsSchema = z
  .object({
    id: z.string(),
    engine: z.string(),
    /** As `engineBuild` of a record. */
    engineBuild: z.string(),
    warnings: z.array(roofWarningSchema),
    factors: threadFactorsSchema,
  })
  .meta({ id: 'factors' });

export type Factors = z.infer<typeof factorsSchema>;
export type ThreadFactors = z.infer<typeof threadFactorsSchema>;
export type RecordFactors = z.infer<typeof recordFactorsSchema>;
export type FactorCheck = z.infer<typeof checkSchema>;
export type FactorEvidence = Factors['evidence'][number];
export type Curve = ThreadFactors['attention'];
export type ProductFactors = ThreadFactors['products'][string];
export type ElementwiseKind = (typeof ELEMENTWISE_KINDS)[number];
