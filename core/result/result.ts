import { z } from 'zod';
import {
  ID_CHARACTERS,
  listOf,
  NAME_CHARACTERS,
  nameOf,
  recordOf,
  SENTENCE_CHARACTERS,
  textOf,
} from '../bounds.js';
import { adapterDigestSchema, digestSchema, modelDigestSchema } from '../digest.js';
import { FAILURES, type FailureCode } from '../errors.js';
import { GATES, PROFILE_LEVELS } from '../experiment/experiment.js';
import { graphRecordSchema } from '../graph/record.js';
import { inferenceRecordSchema } from '../inference/record.js';
import { kernelRecordSchema } from '../kernels/record.js';
import { FORMAT_NAMES } from '../models/formats.js';
import { qualityRecordSchema } from '../quality/record.js';
import { taskChoiceSchema } from '../quality/tasks/asking.js';
import { WINDOW_SCHEMES } from '../quality/windows.js';
import { servingRecordSchema } from '../serving/record.js';
import { generationRecordSchema } from '../speculation/record.js';
import { trainingRecordSchema } from '../training/record.js';
import { profileRecordSchema } from './profile-record.js';
import { rooflineGivenSchema, rooflineSchema } from './roofline-record.js';
import { recordRoofsSchema } from './roofs-record.js';
import { SEVERITIES, WARNINGS, type WarningCode } from './warnings.js';

/**
 * The result record, version 1: what one trial gives back. The zod schema is the single definition; the
 * TypeScript type and the published JSON Schema (schemas/result.schema.json) come from it.
 * Missing is `null` with a reason, never 0. Times inside a trial are seconds since the trial began.
 */
export const RESULT_SCHEMA = 'ridgepoint.dev/result/v1';

/** @returns whether a newer release wrote a record of this schema; this one cannot read it, and keeps it. */
export function isNewerSchema(schema: unknown): boolean {
  const versionOf = (name: string) => Number(/^ridgepoint\.dev\/result\/v([0-9]{1,9})$/.exec(name)?.[1]);
  return typeof schema === 'string' && versionOf(schema) > versionOf(RESULT_SCHEMA);
}

const axisValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);
/** Exports make columns, labels and files of these names. */
const optionName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/)
  // Rows without an option named `constructor` would show the property of that name that every object has.
  .refine((name) => !(name in {}));
const options = z.record(optionName, axisValue, {
  error: ({ code }) =>
    code === 'invalid_key'
      ? 'names of options have at most 64 letters, digits and _, begin with a letter, and are no property of every object, such as constructor'
      : undefined,
});

const modelFacts = z.object({
  format: z.enum(FORMAT_NAMES),
  architecture: z.string().nullable(),
  parameters: z.number().nullable(),
  bytes: z.number(),
  quantization: z.string().nullable(),
  layers: z.number().nullable(),
  contextLength: z.number().nullable(),
  keyElementsPerToken: z.number().nullable(),
  valueElementsPerToken: z.number().nullable(),
  vocabularySize: z.number().nullable(),
  embeddingLength: z.number().nullable(),
  /** null where layers differ in them, or nobody says. */
  heads: z.object({ query: z.number(), keyValue: z.number() }).nullable(),
  /** Of a layer; 0 = it is dense. Left out where nobody says. */
  experts: z.number().optional(),
});

const measurePolicySchema = z.object({
  confidence: z.number(),
  halfWidth: z.number(),
  minRepeats: z.number().int(),
  maxRepeats: z.number().int(),
  maxSeconds: z.number().nullable(),
  warmupSpread: z.number(),
  maxWarmups: z.number().int(),
  trialTimeoutSeconds: z.number().nullable(),
  maxStealRatio: z.number(),
  maxForeignCores: z.number(),
  maxCoreLatencyRatio: z.number(),
  maxSpread: z.number(),
  gates: z.enum(GATES),
  meters: z.enum(['on', 'off']),
  energyWindows: z.number().int(),
  gridGramsPerKilowattHour: z.number().nullable(),
  profile: z.enum(PROFILE_LEVELS),
});

const qualityPolicySchema = z.object({
  text: z.string().nullable(),
  windows: z.enum(WINDOW_SCHEMES),
  contextTokens: z.number().int(),
  stride: z.number().int().nullable(),
  maxWindows: z.number().int().nullable(),
  tasks: z.array(z.union([z.string(), taskChoiceSchema])).readonly(),
  base: z.boolean(),
});

export const experimentSchema = z.object({
  id: z.string(),
  model: z.object({
    name: z.string(),
    source: z.string(),
    digest: modelDigestSchema.nullable(),
    facts: modelFacts.nullable(),
  }),
  technique: z.object({
    quantization: z.string(),
    sparsity: z.string(),
    attention: z.string(),
    layers: z.string(),
    adapter: z.string(),
  }),
  runner: z.object({ kind: z.string(), options }),
  workload: z.object({ kind: z.string(), options }),
  measure: measurePolicySchema,
  quality: qualityPolicySchema.nullable(),
  device: z.string(),
  settings: z
    .object({ powerCapWatts: z.number().nullable(), lockedClockHertz: z.number().nullable() })
    .nullable(),
  node: z.string().nullable(),
});

const failureSchema = z.object({
  code: z.enum(Object.keys(FAILURES) as [FailureCode, ...FailureCode[]]),
  message: textOf(SENTENCE_CHARACTERS),
  hint: textOf(SENTENCE_CHARACTERS).nullable(),
  signal: textOf(NAME_CHARACTERS).nullable(),
  exitCode: z.number().nullable(),
  stderrTail: textOf(16 * SENTENCE_CHARACTERS).nullable(),
});

const warningSchema = z
  .object({
    code: z.enum(Object.keys(WARNINGS) as [WarningCode, ...WarningCode[]]),
    severity: z.enum(SEVERITIES),
    message: textOf(SENTENCE_CHARACTERS),
  })
  .meta({ id: 'warning' });

const present = z.object({
  /** The number to quote: the median of the repeats unless the catalogue says otherwise. */
  value: z.number(),
  unit: z.string(),
  /** Repeats of the trial. */
  n: z.number().int(),
  mean: z.number(),
  median: z.number(),
  stddev: z.number().nullable(),
  cv: z.number().nullable(),
  /**
   * For an estimate (perplexity, scores) its sampling error. A timed metric has none within one process, and
   * has one in a row (judgement/trials.ts).
   */
  ci95: z.tuple([z.number(), z.number()]).nullable(),
  /** One value per repeat, in order; null for single readings and pooled percentiles. */
  samples: z.array(z.number()).nullable(),
  /** Where it came from when that matters: `counter`, `integral`, `estimated`, `kernel`. */
  source: z.string().nullable(),
  /**
   * Only in rows, if neighbours were read beside the starts: the geometric mean of the starts, the factor
   * that adjusts it to the conditions which all rows of the run share, and the number of a calm machine. Left
   * out = nothing was adjusted.
   */
  asMeasured: z.number().optional(),
  adjustedBy: z.number().positive().optional(),
  calm: z.object({ value: z.number(), ci95: z.tuple([z.number(), z.number()]) }).optional(),
  /**
   * Where a row's moments were unlike those of the others, its value is as measured: the lowest and the
   * highest of its starts.
   */
  range: z.tuple([z.number(), z.number()]).optional(),
});
const missing = z.object({ value: z.null(), unit: z.string(), reason: z.string() });

const phaseSchema = z.object({
  /**
   * `energy-…` is the same work done again and again without a pause, so that an energy source can resolve
   * it; it tells of energy alone.
   */
  name: z.enum([
    'load',
    'warm-up',
    'prefill',
    'decode',
    'train',
    'kernel',
    'infer',
    'serve',
    'quality',
    'energy-prefill',
    'energy-decode',
    'energy-kernel',
    'energy-infer',
  ]),
  /** 0-based repeat; null for load. */
  repeat: z.number().int().nullable(),
  startSeconds: z.number(),
  endSeconds: z.number(),
  /** Tokens evaluated in the phase, all sequences together. */
  tokens: z.number().int(),
  /** Of `energy-…`: how many times the work of a repeat was done in it. */
  times: z.number().int().min(1).optional(),
});

/** One transform on the way from the base to the file that was run. */
export const artifactStepSchema = z.object({
  recipe: z.string(),
  /** Of the file it made. */
  digest: digestSchema,
  bytes: z.number(),
  makeSeconds: z.number(),
  /** What was learned while it was made, e.g. the sparsity and the errors of pruning. */
  facts: z.record(z.string(), axisValue),
});

/** One thing that was set on the device for a trial, in the unit of its name. */
const settingRecordSchema = z.object({
  name: z.enum(['powerCapWatts', 'lockedClockHertz']),
  /** `package-0`, `CPUs 0-3`, `GPU-…`. */
  part: z.string(),
  /** In force before; null where the interface does not tell it, as NVML does of locked clocks. */
  found: z.number().nullable(),
  set: z.number(),
  readBack: z.number().nullable(),
  /** Read again before it was put back. */
  atEnd: z.number().nullable(),
  /** True when it is as it was found. */
  restored: z.boolean(),
});
export type SettingRecord = z.infer<typeof settingRecordSchema>;

/** Of a reason: names of rivals, and what was found. */
export const PROMOTED_CHARACTERS = 1000;

export const resultSchema = z.object({
  schema: z.literal(RESULT_SCHEMA),
  trialId: nameOf(ID_CHARACTERS),
  experimentId: nameOf(ID_CHARACTERS),
  /**
   * The trial whose place it takes. It has that trial's numbers, and new answers, for the questions have
   * changed since. Left out = none.
   */
  supersedes: nameOf(ID_CHARACTERS).optional(),
  sweep: z.object({
    id: nameOf(ID_CHARACTERS),
    name: nameOf(NAME_CHARACTERS),
    /** Index of the point in the sweep's enumeration. */
    position: z.number().int().nonnegative(),
    /** Block of the node's random order, and what the trial was for. */
    block: z.number().int().nonnegative(),
    purpose: z.enum(['measure', 'control', 'probe', 'quality']),
    attempt: z.number().int().positive(),
    /** Which start of its experiment, 1-based; left out for controls and probes. */
    start: z.number().int().positive().optional(),
    /** Why a search measured it in full after a probe; left out elsewhere. */
    promoted: textOf(PROMOTED_CHARACTERS).optional(),
  }),
  experiment: experimentSchema,
  node: z.object({
    name: nameOf(NAME_CHARACTERS),
    hostname: textOf(NAME_CHARACTERS),
    cpuModel: textOf(NAME_CHARACTERS),
    cores: z.number().int(),
    memoryBytes: z.number(),
  }),
  device: z.object({
    id: nameOf(NAME_CHARACTERS),
    class: nameOf(NAME_CHARACTERS),
    name: textOf(NAME_CHARACTERS),
    /** Devices that the trial held beside it; left out = none. */
    otherIds: listOf(nameOf(NAME_CHARACTERS), 1024).optional(),
  }),
  /** Flat facts of the environment: versions, governor, driver, engine, variant, affinity. */
  environment: recordOf(z.union([textOf(SENTENCE_CHARACTERS), z.number(), z.boolean(), z.null()]), 1000),
  /** What the sweep had set on the device; left out where it asked for nothing. */
  settings: z.array(settingRecordSchema).optional(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  status: z.enum(['complete', 'failed']),
  failure: failureSchema.nullable(),
  phases: listOf(phaseSchema, 1_000_000),
  repeats: z.object({
    count: z.number().int(),
    warmups: z.number().int(),
    /** Why repeating ended. */
    stop: z.enum(['interval-narrow', 'max-repeats', 'time-budget', 'steps-done', 'load-done', 'not-started']),
    /** Relative half width that was reached; null with fewer than two repeats. */
    halfWidth: z.number().nullable(),
  }),
  measurements: recordOf(z.union([present, missing]), 1000),
  warnings: listOf(warningSchema, 1000),
  /** No fault is among the warnings; under strict gates no disturbance either. */
  valid: z.boolean(),
  /**
   * What the model's answers were worth; null when it was not asked or could not be measured
   * (`absent.quality`).
   */
  quality: qualityRecordSchema.nullable(),
  /** What training gave, step by step; null for workloads that do not train. */
  training: trainingRecordSchema.nullable(),
  /** What an op was and what its calls took; null for workloads that run models. */
  kernel: kernelRecordSchema.nullable(),
  /** What running a graph of tensors gave, run by run; left out for other workloads. */
  inference: inferenceRecordSchema.optional(),
  /** What continuing prompts greedily gave, step by step; left out for other workloads. */
  generation: generationRecordSchema.optional(),
  /** What asking a server gave, request by request; left out for workloads that ask none. */
  serving: servingRecordSchema.optional(),
  /** What the applications of a request graph took, one by one; left out for other workloads. */
  graph: graphRecordSchema.optional(),
  /**
   * What each operator took, in a run of its own; null where none was asked for, or could be had
   * (`absent.profile`).
   */
  profile: profileRecordSchema.nullable(),
  /** The measured ceilings of its device; null where none were measured (`absent.roofs`). */
  roofs: recordRoofsSchema.nullable(),
  /** Where each phase stands under those ceilings, and what was predicted; null where that is not known. */
  roofline: rooflineSchema.nullable(),
  artifact: z
    .object({
      /** Digest of the file that was run, and of the base it was made from. */
      digest: modelDigestSchema,
      base: modelDigestSchema,
      bytes: z.number(),
      recipe: z.string(),
      makeSeconds: z.number().nullable(),
      /** What was done to the base, in order; empty for the base itself. */
      steps: z.array(artifactStepSchema),
      /** Adapters that were attached at run time. */
      adapters: z.array(
        z.object({ source: z.string(), digest: adapterDigestSchema, bytes: z.number(), scale: z.number() }),
      ),
    })
    .nullable(),
  /** Seconds of each decode step, one list per repeat; kept so that every figure can be recomputed. */
  tokenSeconds: z.array(z.array(z.number())),
  /** Raw readings by quantity: columns of time and value. */
  samples: z.array(
    z.object({
      meter: z.string(),
      quantity: z.string(),
      unit: z.string(),
      kind: z.enum(['gauge', 'counter']),
      periodSeconds: z.number(),
      seconds: z.array(z.number()),
      values: z.array(z.number()),
      /** How often the source had no value: it refused, or gave what stands for none; left out when never. */
      refused: z.number().int().optional(),
    }),
  ),
  /** Why an energy source, roofline or anything else of the record is absent. */
  absent: recordOf(textOf(SENTENCE_CHARACTERS), 1000),
  /**
   * What the judge was given besides phases and readings, so that a record can be judged again; left out,
   * with the raw readings, of rows, and of a record that was too large to be taken in whole.
   */
  given: z
    .object({
      modelBytes: z.number().nullable(),
      parameters: z.number().nullable(),
      kvCacheBytes: z.number().nullable(),
      /** What the engine took to read the adapters; null without any. */
      adapterLoadSeconds: z.number().nullable(),
      /** Weight bytes of the base file, before any technique. */
      baseBytes: z.number().nullable(),
      warmupSettled: z.boolean(),
      /** Logical CPUs the trial's process could use. */
      cores: z.number().int(),
      /**
       * What work is counted and predicted from: shapes, the last cache, and factors; null where it is not
       * known.
       */
      roofline: rooflineGivenSchema.nullable(),
      /** Power before the model was loaded, per energy domain. */
      idleWatts: z.record(z.string(), z.number()),
      /** When and for how long that was read; left out where it was read right before the trial. */
      idle: z
        .object({ measuredAt: z.iso.datetime(), seconds: z.number(), busyCores: z.number().nullable() })
        .optional(),
      /** Grams of CO2 equivalent per kilowatt hour, and who says so; left out where nobody does. */
      grid: z.object({ gramsPerKilowattHour: z.number(), statedBy: z.enum(['sweep', 'node']) }).optional(),
      /** Warnings that others raised; the judge adds its own. */
      warnings: z.array(warningSchema),
    })
    .optional(),
});

export type ResultRecord = z.infer<typeof resultSchema>;

/**
 * What a trial found, as its record keeps it: the judge reads this and nothing else, so that a record can be
 * judged again. What it adds are the other fields of a record.
 */
export type TrialFacts = Omit<ResultRecord, 'measurements' | 'warnings' | 'valid' | 'roofline'> & {
  readonly given: NonNullable<ResultRecord['given']>;
};
export type Measurement = z.infer<typeof present>;
export type Missing = z.infer<typeof missing>;
export type Phase = z.infer<typeof phaseSchema>;
export type SampleSeries = ResultRecord['samples'][number];
export type PhaseName = Phase['name'];

export { isPresent, metricValue } from './measurement.js';
