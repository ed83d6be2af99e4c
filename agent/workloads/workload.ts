import { failed } from '../../core/errors.js';
import type { MeasurePolicy, Options } from '../../core/experiment/experiment.js';
import { type OptionsOf, readOptions } from '../../core/experiment/options.js';
import type { GraphRecord } from '../../core/graph/record.js';
import type { InferenceRecord } from '../../core/inference/record.js';
import type { KernelRecord } from '../../core/kernels/record.js';
import type { PhaseName } from '../../core/result/result.js';
import type { ServingRecord } from '../../core/serving/record.js';
import type { GenerationRecord } from '../../core/speculation/record.js';
import type { TrainingRecord } from '../../core/training/record.js';
import type { Capability } from '../../core/workloads/capability.js';
import type { WorkloadKind } from '../../core/workloads/workload.js';
import type { Opened } from '../../engines/runners/opened.js';
import type { Demands } from '../../engines/runners/runner.js';
import type { TrainedResult } from '../../engines/runners/trainer.js';
import type { StopReason } from '../../statistics/stopping.js';
import type { NodeCommands } from '../graph/allowed.js';
import type { GraphFiles } from '../graph/files.js';
import type { CallsKept } from '../graph/journal.js';

/**
 * A Workload is what is asked of something that a runner opens. It lives in the child and stamps phases as it
 * goes.
 */
export interface Workload<C extends Capability = Capability> {
  readonly kind: string;
  readonly needs: C;
  /**
   * @returns what it does at a point.
   * @throws FailureError `impossible-combination` for options that it does not have.
   */
  plan(options: Options): PlannedWork<C>;
}

/** A workload at one point. */
export interface PlannedWork<C extends Capability> {
  /** What has to be known before that is opened which it needs. */
  readonly demands: Demands[C];
  run(opened: Opened[C], context: WorkloadContext, input: WorkloadInput[C]): Promise<WorkloadOutcome>;
}

/**
 * Declares a workload.
 * @param description from core/workloads: what it is called and needs, and the schema of its options.
 * @param plan says what it does at a point whose options were read by that schema.
 */
export function defineWorkload<K extends WorkloadKind>(
  { kind, needs, options: schema }: K,
  plan: (options: OptionsOf<K>) => PlannedWork<K['needs']>,
): Workload<K['needs']> {
  return { kind, needs, plan: (options) => plan(readOptions<K['options']>(schema, options)) };
}

/** What a workload is given beside its options, whole. */
export interface WorkloadInput {
  readonly generator: null;
  readonly 'profiled-generator': null;
  readonly 'greedy-generator': Pick<GenerationFiles, 'textPath'>;
  readonly 'language-model': null;
  readonly trainer: TrainingInput;
  readonly embedder: null;
  readonly op: null;
  readonly 'tensor-graph': null;
  readonly completions: GraphInput;
  readonly endpoint: ServingInput;
}

/** A request graph with all that it names, found and allowed by the parent. */
export interface GraphInput extends NodeCommands {
  readonly files: GraphFiles;
  /** Where its calls are kept as they end. */
  readonly kept: CallsKept;
}

export interface ServingInput {
  /** Real path of the file that the option `promptDataset` or `trace` names; null = neither is named. */
  readonly promptsPath: string | null;
  /** A GGUF whose vocabulary counts tokens; null = none is known. */
  readonly tokenizerPath: string | null;
}

/** Files of a workload that continues a text. */
export interface GenerationFiles {
  /** Real path of the file that the option `promptText` names. */
  readonly textPath: string;
  /** Of the model that drafts; null = no model does. */
  readonly draftPath: string | null;
}

export interface TrainingInput {
  /** Real path of the file that the option `text` names. */
  readonly textPath: string;
  /** Tells people how training goes. */
  onProgress(progress: TrainingProgress): void;
  /** Keeps what was trained; null when nobody wants it. */
  readonly keep: ((result: TrainedResult) => Promise<KeptResult>) | null;
}

export interface WorkloadContext {
  readonly measure: MeasurePolicy;
  /** Shortest window that the energy source can resolve; 0 = there is none. */
  readonly minPhaseSeconds: number;
  readonly stamp: PhaseStamper;
  /** Monotonic seconds (CLOCK_MONOTONIC, shared by parent and child). */
  now(): number;
  /** Why the trial is to end; null = it is not. Asked where the event loop is free. */
  stopReason(): string | null;
  /** Gives the event loop a turn so that messages leave and a stop can arrive; true = stop now. */
  checkStop(): Promise<boolean>;
}

/** Rests, as between two repeats. @throws FailureError `cancelled` when the trial is to end. */
export async function rest(context: Pick<WorkloadContext, 'checkStop'>): Promise<void> {
  if (await context.checkStop()) throw failed('cancelled', 'the trial was stopped');
}

/** Files of a training. */
export interface TrainingFiles {
  /** What is trained on. */
  readonly textPath: string;
  /** Where the result is written; null keeps none. */
  readonly keepPath: string | null;
  /** Whether the result will be run. */
  readonly runnable: boolean;
}

/** Where a training is. */
export interface TrainingProgress {
  /** Steps that are done, of how many. */
  readonly step: number;
  readonly steps: number;
  /** Of that step, in nats; null when it is about what was held out. */
  readonly loss: number | null;
  readonly evalLoss: number | null;
}

/** Files that were made of what was trained. */
export interface KeptResult {
  readonly kind: 'adapter' | 'model';
  readonly path: string;
  readonly bytes: number;
  readonly parameters: number;
  /** The model to ask instead of the base; null = the base with the adapter attached. */
  readonly modelPath: string | null;
}

/**
 * Times one phase. `tokens` counts what was evaluated, all sequences together; `times` how often lengthened
 * work was done.
 */
export type PhaseStamper = (
  name: PhaseName,
  repeat: number | null,
  start: number,
  end: number,
  tokens: number,
  times?: number,
) => void;

export interface WorkloadOutcome {
  readonly repeats: number;
  readonly warmups: number;
  readonly warmupSettled: boolean;
  readonly stop: StopReason;
  readonly halfWidth: number | null;
  /** Seconds of each decode step, one list per repeat. */
  readonly tokenSeconds: readonly (readonly number[])[];
  /** What it found beside times; null = it measures times alone. */
  readonly findings: WorkloadFindings | null;
}

export type WorkloadFindings =
  /** Of a training, and the files that were kept of it; null = none were wanted. */
  | {
      readonly of: 'training';
      readonly record: Omit<TrainingRecord, 'made'>;
      readonly kept: KeptResult | null;
    }
  | { readonly of: 'op'; readonly record: KernelRecord }
  | { readonly of: 'generation'; readonly record: GenerationRecord }
  | { readonly of: 'inference'; readonly record: InferenceRecord }
  | { readonly of: 'serving'; readonly record: ServingRecord }
  | { readonly of: 'graph'; readonly record: GraphRecord };
