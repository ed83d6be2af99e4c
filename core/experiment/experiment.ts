import type { ModelFormat } from '../models/formats.js';
import type { NamedTask } from '../quality/tasks/asking.js';
import type { WindowScheme } from '../quality/windows.js';

/**
 * An Experiment is one point of a sweep, fully resolved: nothing in it is left to be decided, and
 * everything that can change a number is in it. Its id is a hash of its content (see identity.ts).
 */

/** What one axis can hold. `null` means "the engine's own default" and is a value like any other. */
export type AxisValue = string | number | boolean | null;

/** The options of a runner or workload at one point: field name → value, defaults filled in. */
export type Options = Readonly<Record<string, AxisValue>>;

/**
 * What is known of a model before it is loaded, read by its format's entry (formats/). Used to predict
 * whether a point fits and whether it is possible at all; never part of the identity. null = the format does
 * not say it: rules that ask for it stay silent, and nothing is predicted from it.
 */
export interface ModelFacts {
  readonly format: ModelFormat;
  /** GGUF `general.architecture` or the `model_type` of a config, e.g. `llama`. */
  readonly architecture: string | null;
  readonly parameters: number | null;
  /** Bytes of the file as it is, before any technique. */
  readonly bytes: number;
  /** Type of most weights as llama.cpp names it, lower case: `f16`, `q4_k_m`. */
  readonly quantization: string | null;
  readonly layers: number | null;
  readonly contextLength: number | null;
  /** Elements of K and of V that one token adds to the cache over all layers. */
  readonly keyElementsPerToken: number | null;
  readonly valueElementsPerToken: number | null;
  readonly vocabularySize: number | null;
  readonly embeddingLength: number | null;
  /** Attention heads of every layer; null where layers differ, or have none. */
  readonly heads: { readonly query: number; readonly keyValue: number } | null;
  /** Experts of a layer, the most of all layers; 0 = the model is dense. Left out where nobody says it. */
  readonly experts?: number | undefined;
}

export interface ModelRef {
  /** The word the user chose; appears in tables. Not part of the identity. */
  readonly name: string;
  /**
   * `builtin:small`, a path, `synthetic:…` (core/models/synthetic.ts), or (where a node allows it)
   * `hf:owner/repo:QUANT` or `https://…`.
   */
  readonly source: string;
  /**
   * `sha256:<hex>` of the file, or null when it is not known until a node opens it; of a synthetic model
   * `header-sha256:<hex>`, since its header says all that its weights follow from.
   */
  readonly digest: string | null;
  readonly facts: ModelFacts | null;
}

/** What is varied on the weights, each technique by its canonical word (core/techniques). */
export interface TechniqueChoice {
  /** `q4_k_m`, `iq2_xs?importance=…`, or `base`: the file as it is. */
  readonly quantization: string;
  /** `wanda:50%`, `dsnot:2:4?mode=strict`, or `none`. */
  readonly sparsity: string;
  /** `kv-heads:2`, or `base`. */
  readonly attention: string;
  /** `first:4`, or `all`. */
  readonly layers: string;
  /** `adapters/r4.gguf?mode=merged`, or `none`. */
  readonly adapter: string;
}

export interface RunnerChoice {
  readonly kind: string;
  readonly options: Options;
}

export interface WorkloadChoice {
  readonly kind: string;
  readonly options: Options;
}

/**
 * How the device is set while a trial runs; null leaves it as the node's operator did. Set by the node's
 * power helper (agent/power), and put back after each trial.
 */
export interface DeviceSettings {
  /** Of the whole board of a GPU, or of each package of CPUs. */
  readonly powerCapWatts: number | null;
  /** Of the streaming multiprocessors of a GPU, or of the CPUs of the device. */
  readonly lockedClockHertz: number | null;
}

/** How closely a trial is looked into after it was timed: `measure.profile`. */
export const PROFILE_LEVELS = ['off', 'modules'] as const;
export type ProfileLevel = (typeof PROFILE_LEVELS)[number];

/**
 * `measure.gates`: disturbed rows are marked, or invalid, as for who publishes. No part of an identity: it
 * changes no number.
 */
export const GATES = ['warn', 'strict'] as const;
export type Gates = (typeof GATES)[number];

/** So that their spread can be told. */
export const DEFAULT_ENERGY_WINDOWS = 3;

/** What a machine may be used for besides while something is measured on it. */
export interface DisturbanceLimits {
  readonly maxForeignCores: number;
  /** Of the CPU time that the machine had. */
  readonly maxStealRatio: number;
  /** Core-to-core latency of the CPUs over what is usual on the machine. */
  readonly maxCoreLatencyRatio: number;
}

/**
 * What a sweep allows that says nothing else, and what roofs and factors are measured under. Core-to-core
 * latency is several times as long between cores that share no cache; between two readings of the same place
 * it differs by a few percent.
 */
export const DISTURBANCE_LIMITS: DisturbanceLimits = {
  maxForeignCores: 0.2,
  maxStealRatio: 0.02,
  maxCoreLatencyRatio: 1.5,
};

/** How long to measure and when a row may be believed (DESIGN §6). Seconds and ratios carry their unit. */
export interface MeasurePolicy {
  readonly confidence: number;
  /** Repeat until the interval's half width is at most this share of the mean. */
  readonly halfWidth: number;
  readonly minRepeats: number;
  readonly maxRepeats: number;
  /**
   * Budget for the repeats of one trial, but for the one that runs; its warm-up has half as much, but for the
   * first round. null = none.
   */
  readonly maxSeconds: number | null;
  /** Warm-up ends when the spread (cv) of the last three rounds is below this, or at maxWarmups. */
  readonly warmupSpread: number;
  readonly maxWarmups: number;
  /**
   * A trial that runs longer than this in all is killed; null = the agent's own limit, which is the longest.
   */
  readonly trialTimeoutSeconds: number | null;
  /** Share of CPU time stolen by the hypervisor above which a row is disturbed. */
  readonly maxStealRatio: number;
  /** CPU use by foreign processes, in cores, above which a row is disturbed. */
  readonly maxForeignCores: number;
  /** Core-to-core latency over the usual above which a row of more than one thread is disturbed. */
  readonly maxCoreLatencyRatio: number;
  /**
   * Standard error of the median of a start's repeats, as a share of it, above which the start is disturbed.
   */
  readonly maxSpread: number;
  /** What becomes of disturbed rows. */
  readonly gates: Gates;
  readonly meters: 'on' | 'off';
  /** How many lengthened windows each phase gets that is too short for the energy source. */
  readonly energyWindows: number;
  /** Grams of CO2 equivalent per kilowatt hour; null = as the node states it, if it does. */
  readonly gridGramsPerKilowattHour: number | null;
  /** Whether the operators are timed, in a run of their own after the timed one. */
  readonly profile: ProfileLevel;
}

/** How good the answers of a model are is measured like this, the same for every point of a sweep. */
export interface QualityPolicy {
  /** Text for perplexity: `builtin:sample` or a path below a model folder; null asks for none. */
  readonly text: string | null;
  readonly windows: WindowScheme;
  /** Tokens of a window, and, for strided ones, how far the next one is; null = half a window. */
  readonly contextTokens: number;
  readonly stride: number | null;
  /** Windows that are scored, at most, from the start of the text; null = all of them. */
  readonly maxWindows: number | null;
  /**
   * Task files: JSONL, or YAML that maps its fields; paths below a model folder. Some may be asked otherwise
   * than their file says.
   */
  readonly tasks: readonly NamedTask[];
  /** Whether the model is compared with the base it was made from. */
  readonly base: boolean;
}

export interface Experiment {
  /** `x` + 24 hex digits of the content hash. */
  readonly id: string;
  readonly model: ModelRef;
  readonly technique: TechniqueChoice;
  readonly runner: RunnerChoice;
  readonly workload: WorkloadChoice;
  readonly measure: MeasurePolicy;
  /** What is asked about the model's answers, after it was timed; null asks nothing. */
  readonly quality: QualityPolicy | null;
  /** `cpu`, `cuda`, `cuda:h100`, `metal`, … : a class, never a node. */
  readonly device: string;
  /** null where the sweep asks for none. */
  readonly settings: DeviceSettings | null;
  /** Only with `placement.perNode`: then the node is an axis, and part of the identity. */
  readonly node: string | null;
}

/** An experiment before its id is computed. */
export type ExperimentContent = Omit<Experiment, 'id'>;

/** The part of a device class before its colon: `cuda:h100` → `cuda`. */
export function deviceKind(deviceClass: string): string {
  return deviceClass.split(':')[0] ?? deviceClass;
}
