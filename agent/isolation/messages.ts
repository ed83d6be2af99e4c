import type { Failure } from '../../core/errors.js';
import type { SyntheticModel } from '../../core/models/synthetic.js';
import type { QualityOutcome } from '../../core/quality/outcome.js';
import type { Phase } from '../../core/result.js';
import type { FactorSamples } from '../../core/roofline/factors/sample.js';
import type { ProfileRecord } from '../../core/roofline/profile/record.js';
import type { AxisValue, MeasurePolicy, RunnerChoice, WorkloadChoice } from '../../core/sweep/experiment.js';
import type { QuantizationSpec } from '../../core/techniques/quantization.js';
import type { AdapterRequest } from '../artifacts/adapters/load.js';
import type { MergeRequest } from '../artifacts/adapters/merge.js';
import type { GroupingRequest } from '../artifacts/attention/group-heads.js';
import type { WindowRequest } from '../artifacts/attention/window.js';
import type { FetchJob } from '../artifacts/remote/fetch.js';
import type { CalibrationJob } from '../calibration/collect.js';
import type { FactorsJob } from '../factors/measure.js';
import type { KernelsAnswer, KernelsJob } from '../kernels/run.js';
import type { ProfileJob } from '../profile/run.js';
import type { CompareJob, Comparison } from '../quality/compare.js';
import type { QualityJob } from '../quality/measure.js';
import type { QualityProgress } from '../quality/watch.js';
import type { CudaRoofsJob, TakenCudaRoofs } from '../roofs/cuda-take.js';
import type { RoofsJob, TakenRoofs } from '../roofs/take.js';
import type { LoadedFacts, RunnableAdapter, RunnerProbe } from '../runners/runner.js';
import type { TrainingFiles, TrainingProgress, WorkloadOutcome } from '../workloads/workload.js';

/** Parent → child: what to do. One order per child. Times are monotonic seconds. */
export type WorkerOrder =
  | TrialOrder
  | QuantizeOrder
  | SynthesizeOrder
  | GroupHeadsOrder
  | GiveWindowOrder
  | MergeAdaptersOrder
  | WriteAdapterOrder
  | QualityOrder
  | CompareOrder
  | FetchOrder
  | CalibrateOrder
  | ProfileOrder
  | FactorsOrder
  | ProbeOrder
  | KernelsOrder
  | PruneOrder
  | RoofsOrder
  | CudaRoofsOrder;

export interface TrialOrder {
  readonly order: 'trial';
  readonly runner: RunnerChoice;
  readonly workload: WorkloadChoice;
  readonly measure: MeasurePolicy;
  readonly modelPath: string | null;
  readonly adapters?: readonly RunnableAdapter[];
  readonly deviceClass: string;
  readonly deviceId: string;
  readonly cpus: readonly number[];
  readonly minPhaseSeconds: number;
  /** For workloads that train. */
  readonly training?: TrainingFiles | null;
}

/** Makes an artifact; native code again, so in a child again. */
export interface QuantizeOrder {
  readonly order: 'quantize';
  readonly runnerKind: string;
  readonly inputPath: string;
  readonly outputPath: string;
  readonly quantization: QuantizationSpec;
  /** An importance matrix, and how the file that is made of it calls it; null = none. */
  readonly imatrix: { readonly path: string; readonly name: string } | null;
  readonly threads: number;
}

/** Writes a copy of a model with weights pruned; calibrates it with the engine where the method needs that. */
export interface PruneOrder {
  readonly order: 'prune';
  readonly inputPath: string;
  readonly outputPath: string;
  /** A word of the technique (core/techniques/sparsity.ts). */
  readonly sparsity: string;
  /** The calibration text; null where none is needed. */
  readonly textPath: string | null;
  /** Statistics of the dense model that were collected before, where they are all that is needed. */
  readonly statisticsPath?: string;
  readonly threads: number;
}

/** Writes a model of random weights: no native code, but minutes of work for a large one. */
export interface SynthesizeOrder {
  readonly order: 'synthesize';
  readonly model: SyntheticModel;
  readonly outputPath: string;
}

/** Writes a copy of a model with fewer K/V heads. */
export interface GroupHeadsOrder extends GroupingRequest {
  readonly order: 'group-heads';
}

/** Writes a copy of a model whose layers see a window of tokens. */
export interface GiveWindowOrder extends WindowRequest {
  readonly order: 'give-window';
}

/** Writes a copy of a model with adapters in its weights. */
export interface MergeAdaptersOrder extends MergeRequest {
  readonly order: 'merge-adapters';
  readonly threads: number;
}

/** Writes an adapter as a GGUF file that llama.cpp attaches to a model. */
export interface WriteAdapterOrder extends AdapterRequest {
  readonly order: 'write-adapter';
  readonly outputPath: string;
}

/** Fetches a model into the cache; what is written beside it says the rest. */
export interface FetchOrder {
  readonly order: 'fetch';
  readonly job: FetchJob;
  readonly outputPath: string;
}

/** Collects statistics of activations: the engine again, looked into. */
export interface CalibrateOrder {
  readonly order: 'calibrate';
  readonly job: CalibrationJob;
  readonly outputPath: string;
}

/** Scores what a model says; nothing is timed. */
export interface QualityOrder {
  readonly order: 'quality';
  readonly job: QualityJob;
}

/** Holds the logits of two models against each other. */
export interface CompareOrder {
  readonly order: 'compare';
  readonly job: CompareJob;
}

/** Times the operators of a model, after it was timed as a whole. */
export interface ProfileOrder {
  readonly order: 'profile';
  readonly job: ProfileJob;
}

/** Measures the ceilings of CPUs. */
export interface RoofsOrder {
  readonly order: 'roofs';
  readonly job: RoofsJob;
}

/** Measures the ceilings of one GPU. */
export interface CudaRoofsOrder {
  readonly order: 'cuda-roofs';
  readonly deviceId: string;
  readonly job: CudaRoofsJob;
}

/** Times single operators, for efficiency factors. */
export interface FactorsOrder {
  readonly order: 'factors';
  readonly job: FactorsJob;
}

export interface ProbeOrder {
  readonly order: 'probe';
  readonly runnerKind: string;
}

/** Lists, checks or times ops of our own native library. */
export interface KernelsOrder {
  readonly order: 'kernels';
  readonly job: KernelsJob;
}

/** A file was made: what there is to say of it. */
export interface MadeMessage {
  readonly type: 'made';
  readonly warnings: readonly string[];
  /** What was learned on the way, flat, for the record. */
  readonly facts: Readonly<Record<string, AxisValue>>;
  /** What is kept beside the file as JSON: too much for a record. */
  readonly report?: unknown;
}

/** Child → parent. */
export type WorkerMessage =
  | { readonly type: 'ready'; readonly affinity: readonly number[] | null }
  | { readonly type: 'loaded'; readonly facts: LoadedFacts }
  | { readonly type: 'phase'; readonly phase: Phase }
  | { readonly type: 'resting'; readonly seconds: number }
  | { readonly type: 'engine-warning'; readonly text: string }
  /** Of what makes an artifact: tensors done, of how many. */
  | { readonly type: 'progress'; readonly done: number; readonly of: number }
  /** Bytes that have come, of how many; null = the server does not say. */
  | { readonly type: 'fetched'; readonly doneBytes: number; readonly totalBytes: number | null }
  | { readonly type: 'training'; readonly progress: TrainingProgress }
  | { readonly type: 'outcome'; readonly outcome: WorkloadOutcome }
  | MadeMessage
  | { readonly type: 'quality-progress'; readonly progress: QualityProgress }
  | { readonly type: 'quality'; readonly outcome: QualityOutcome }
  | { readonly type: 'compared'; readonly comparison: Comparison }
  | { readonly type: 'profiled'; readonly profile: ProfileRecord }
  | { readonly type: 'timed-operators'; readonly samples: FactorSamples }
  | { readonly type: 'probed'; readonly probe: RunnerProbe }
  | { readonly type: 'roofs'; readonly taken: TakenRoofs }
  | { readonly type: 'kernels'; readonly answer: KernelsAnswer }
  | { readonly type: 'cuda-roofs'; readonly taken: TakenCudaRoofs }
  | { readonly type: 'failed'; readonly failure: Failure };

/** Parent → child while it works: end soon, for this reason. */
export interface StopMessage {
  readonly stop: string;
}

/** Parent → child: the meters have read what they wanted while the child rested; go on. */
export interface ResumeMessage {
  readonly resume: true;
}

export type ParentMessage = WorkerOrder | StopMessage | ResumeMessage;
