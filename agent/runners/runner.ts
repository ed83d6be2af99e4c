import type { OpType } from '../../core/kernels/op.js';
import type { KernelRecord } from '../../core/kernels/record.js';
import type { RunnerProfile } from '../../core/node.js';
import type { PackedMatrices } from '../../core/roofline/packed.js';
import type { TrainingPart } from '../../core/roofline/record.js';
import type { Options } from '../../core/sweep/experiment.js';
import type { TrainingSettings } from '../../core/training/methods.js';
import type { TrainingModel } from './trainer.js';

/**
 * A Runner executes a model. It lives in the trial's child process, may block that process's event loop
 * for as long as it computes, and may die there: the parent watches. Workloads drive it through
 * LoadedModel and know nothing of engines.
 */
export interface Runner {
  readonly kind: string;
  /** What this node can do with it; called in a short-lived child because native code is opened. */
  probe(): Promise<RunnerProbe>;
  /**
   * Opens the model file and makes a context. Throws FailureError (`load-failed`, `engine-missing`,
   * `model-unsupported`, …) with a sentence for people.
   */
  load(request: LoadRequest): Promise<LoadedModel>;
}

export type RunnerProbe =
  | { readonly available: true; readonly profile: RunnerProfile; readonly notes: readonly string[] }
  | { readonly available: false; readonly kind: string; readonly reason: string; readonly hint: string };

/** An adapter that an engine runs beside a model. */
export interface RunnableAdapter {
  /** A GGUF file that llama.cpp reads. */
  readonly path: string;
  /** What it is called in sentences. */
  readonly source: string;
  readonly scale: number;
}

/** An op of our own native library, as a point of a sweep has it. */
export interface KernelRequest {
  readonly op: string;
  /** A variant's name, or `best`. */
  readonly variant: string;
  readonly type: OpType;
  readonly cache: 'warm' | 'cold';
  /** By the names of the op's parameters; what is left out is at its fallback. */
  readonly shape: Readonly<Record<string, number>>;
}

/** An op with its inputs, checked and ready. */
export interface RunnableKernel {
  readonly record: Omit<KernelRecord, 'callSeconds'>;
  /** Runs it so many times. @returns seconds of each call. */
  call(times: number): number[];
}

export interface LoadRequest {
  /** Absolute path of the artifact to run; null for runners without a file. */
  readonly modelPath: string | null;
  /** Attached at run time, all at once. */
  readonly adapters?: readonly RunnableAdapter[];
  /** The runner's options at this point, defaults filled in. */
  readonly options: Options;
  /** `cpu`, `cuda`, …, and which device of that class. */
  readonly deviceClass: string;
  readonly deviceId: string;
  /** Logical CPUs the process is pinned to. */
  readonly cpus: readonly number[];
  /** Tokens that each sequence needs at most, so that the context is exactly large enough. */
  readonly contextTokens: number;
  readonly sequences: number;
  /** What the weights are loaded for when they are to be trained. */
  readonly training?: TrainingSettings;
  /** For the runner that has ops in the place of models. */
  readonly kernel?: KernelRequest;
  /**
   * Layers with a sliding window keep every token, too: the cache can then be cut back to any length without
   * a change of what follows. Costs memory; where speed is measured only the window is kept, as in serving.
   */
  readonly wholeCache?: boolean;
}

/** Facts of a loaded model; every one is read from the engine, not guessed. null = the engine does not say. */
export interface LoadedFacts {
  readonly modelBytes: number | null;
  readonly parameters: number | null;
  readonly kvCacheBytes: number | null;
  /** What reading the adapters took; null or left out when there are none. */
  readonly adapterLoadSeconds?: number | null;
  readonly vocabularySize: number;
  readonly contextLength: number;
  /** For runners that pack the matrices of a model in a way of their own. */
  readonly packed?: PackedMatrices;
  /** For runners that train: what the parts of a step ask. */
  readonly trainingWork?: readonly TrainingPart[];
  /** Flat facts for the record's environment: release, backend library, variant, threads. */
  readonly environment: Readonly<Record<string, string | number | boolean | null>>;
}

export interface LoadedModel {
  readonly facts: LoadedFacts;
  /** What the engine warned of while it loaded, one sentence each. */
  readonly warnings?: readonly string[];
  /** Empties the cache, or cuts every sequence back to its first `keepTokens` tokens. */
  reset(keepTokens: number): void;
  /**
   * Evaluates the same number of tokens for each sequence, appended to its cache, and waits for the
   * device. `tokens[s]` are the tokens of sequence s.
   */
  prefill(tokens: readonly Int32Array[]): void;
  /** Evaluates one token for each sequence (batched decode) and waits for the device. */
  step(tokens: Int32Array): void;
  /** For engines that can be asked about text; quality needs it, speed does not. */
  readonly text?: TextModel;
  /** For runners of ops. */
  readonly kernel?: RunnableKernel;
  /** For engines that were asked to train, and can. */
  readonly training?: TrainingModel;
  close(): void;
}

/** What quality needs of an engine: its vocabulary, and the logits of any position. Drives sequence 0. */
export interface TextModel {
  /** The token that this model's texts begin with; null when its vocabulary adds none. */
  readonly beginToken: number | null;
  /**
   * @param addBegin whether the begin token goes first, where the vocabulary wants one.
   * @returns token ids; words like `<s>` in the text are read as plain text.
   */
  tokenize(text: string, addBegin: boolean): Int32Array;
  detokenize(tokens: Int32Array): string;
  /** Whether a generated text ends with this token. */
  isEnd(token: number): boolean;
  /**
   * Appends tokens to the cache (`reset` empties it or cuts it back) and hands over one row of logits, as
   * wide as the vocabulary, for every token from the index `firstWanted` on. The row is the engine's memory:
   * it is only valid inside `visit`.
   */
  evaluate(tokens: Int32Array, firstWanted: number, visit: VisitLogits): void;
}

export type VisitLogits = (index: number, logits: Float32Array) => void;
