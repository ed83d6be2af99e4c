import type { InferenceRecord } from '../../core/inference/record.js';
import type { KernelRecord } from '../../core/kernels/record.js';
import type { ProfiledOperator } from '../../core/result/profile-record.js';
import type { RooflineGiven, TrainingPart } from '../../core/result/roofline-record.js';
import type { Warning } from '../../core/result/warnings.js';
import type { RequestOutcome } from '../../core/serving/requests.js';
import type { ChatTemplate } from '../../core/serving/tokenizer.js';
import type { PackedMatrices } from '../../core/work/packed.js';
import type { ServedEndpoint } from '../servers/served.js';
import type { GreedyAnswers } from './speculation/loop.js';
import type { TrainableModel } from './trainer.js';

/** What a runner opens, by capability: each is whole, and whoever holds one needs to ask nothing. */
export interface Opened {
  readonly generator: Generator;
  readonly 'profiled-generator': ProfiledGenerator;
  readonly 'greedy-generator': GreedyGenerator;
  readonly 'language-model': LanguageModel;
  readonly embedder: Embedder;
  readonly trainer: TrainableModel;
  readonly op: Op;
  readonly 'tensor-graph': TensorGraph;
  readonly completions: Completions;
  readonly endpoint: EndpointOpened;
}

/**
 * Facts of what was opened; every one is read from the engine, not guessed. null = the engine does not say.
 */
export interface OpenedFacts {
  readonly modelBytes: number | null;
  readonly parameters: number | null;
  readonly kvCacheBytes: number | null;
  /** Libraries that do the work, of which a record keeps a digest; none where another process does it. */
  readonly engineFiles: readonly string[];
  /** What reading the adapters took; null or left out when there are none. */
  readonly adapterLoadSeconds?: number | null;
  /** Flat facts for the record's environment: release, backend library, variant, threads. */
  readonly environment: Readonly<Record<string, string | number | boolean | null>>;
}

/** Of a model. */
export interface LoadedFacts extends OpenedFacts {
  readonly vocabularySize: number;
  readonly contextLength: number;
}

/** Of a model whose matrices a runner packed in a way of its own. */
export interface PackedFacts extends LoadedFacts {
  readonly packed: PackedMatrices;
}

/**
 * Of a model that lies on several devices, or on one in part: how, or in one clause why its work cannot be
 * shared out.
 */
interface SpreadFacts extends LoadedFacts {
  readonly spread: Spread | string;
}

/** Layers of each device (`stages` of RooflineGiven), or so many devices that share every matrix evenly. */
export type Spread = NonNullable<RooflineGiven['stages']> | { readonly tensor: number };

/** Of a model that is trained: what the parts of a step ask. */
export interface TrainerFacts extends LoadedFacts {
  readonly trainingWork: readonly TrainingPart[];
}

/** Of a file that a server has opened: what its header says. */
export type EndpointFacts = OpenedFacts;

/** Every kind of facts, as they leave the child. */
export type AnyFacts = OpenedFacts | LoadedFacts | PackedFacts | SpreadFacts | TrainerFacts;

/**
 * What is there at once where calls block until the device has finished, and later where an engine is asked
 * in another process.
 */
export type Awaitable<T> = T | Promise<T>;

export interface Closable {
  /**
   * Process ids of what computes for it beside this process, each with all that it starts: their CPU time and
   * memory are the trial's, and no foreign load. Left out = this process computes alone.
   */
  readonly processes?: readonly number[];
  /**
   * What the engine warned of while it was opened, one sentence each; or a warning that has a code of its
   * own.
   */
  readonly warnings: readonly (string | Warning)[];
  close(): void;
}

/**
 * A model with a cache that reads prompts and decodes step by step. A call is over when the device has
 * finished.
 */
export interface Generator extends Closable {
  readonly facts: LoadedFacts;
  /**
   * Empties the cache, or cuts every sequence back to its first `keepTokens` tokens.
   * @returns false where they could not stay and were computed anew, which took what their prefill takes.
   */
  reset(keepTokens: number): Awaitable<boolean>;
  /**
   * Evaluates the same number of tokens for each sequence, appended to its cache. `tokens[s]` are the tokens
   * of sequence s.
   */
  prefill(tokens: readonly Int32Array[]): Awaitable<void>;
  /**
   * Decodes step by step, each awaited before the next: `tokens[i]` has step i's token of each sequence
   * (batched decode).
   * @returns when each step had finished: monotonic seconds, by the clock of all stamps (which every process
   *   of the machine shares).
   */
  steps(tokens: readonly Int32Array[]): Awaitable<Float64Array>;
}

/** A generator in this process, whose calls block until the device has finished. */
export interface BlockingGenerator extends Generator {
  reset(keepTokens: number): boolean;
  prefill(tokens: readonly Int32Array[]): void;
  steps(tokens: readonly Int32Array[]): Float64Array;
}

/** A generator whose graphs can be timed node by node. */
export interface ProfiledGenerator extends BlockingGenerator {
  /** Watched nodes are computed one by one, and timed; otherwise the engine runs as it always does. */
  watch(on: boolean): void;
  /**
   * @returns what gives the operators that were timed since the last call: asked when all is done, for some
   *   engines tell only then.
   */
  take(): () => readonly ProfiledOperator[];
}

/**
 * A model that continues prompts greedily, all in one batch; with drafts, if it was opened with what drafts.
 */
export interface GreedyGenerator extends Closable {
  readonly facts: LoadedFacts;
  /** The token that this model's texts begin with; null when its vocabulary adds none. */
  readonly beginToken: number | null;
  /** @returns token ids, without one that begins the text. */
  tokenize(text: string): Int32Array;
  /** Forgets everything, and reads a prompt for each sequence; so does what drafts. */
  read(prompts: readonly Int32Array[]): void;
  /**
   * Answers the prompts that were read last, from their ends.
   * @param tokens of each answer, whatever the model says.
   * @param drafted false = plain decoding, whatever it was opened with.
   */
  answer(tokens: number, drafted: boolean): GreedyAnswers;
}

/** A model that can be asked about text, one sequence at a time. */
export interface LanguageModel extends Closable {
  readonly facts: LoadedFacts;
  /** Empties the cache, or cuts it back to its first `keepTokens` tokens. */
  reset(keepTokens: number): void;
  readonly text: TextModel;
}

/** A text as a model wants it, with the tokens that it begins and ends with. */
export interface EmbedderInput {
  readonly tokens: Int32Array;
  /** Where the second of two texts begins; the number of tokens where there is one. */
  readonly secondFrom: number;
  /** Whether it was longer than the model reads. */
  readonly cut: boolean;
}

/**
 * A model that makes one vector of a text; with the pooling `rank`, the numbers that its head gives for a
 * text or a pair.
 */
export interface Embedder extends Closable {
  readonly facts: LoadedFacts;
  /** Numbers of a vector. */
  readonly width: number;
  /** Cuts a text into tokens, or a pair of which the second is shortened first. */
  cut(text: string, second?: string): EmbedderInput;
  /** @returns a vector of each, as the model gives it; none of them is normalised. */
  embed(texts: readonly EmbedderInput[]): Float32Array[];
}

/** An op with its inputs, checked and ready. */
export interface Op extends Closable {
  readonly facts: OpenedFacts;
  readonly record: Omit<KernelRecord, 'callSeconds'>;
  /** Runs it so many times. @returns seconds of each call. */
  call(times: number): number[];
}

/** Tensors in, tensors out, with inputs that are ready. */
export interface TensorGraph extends Closable {
  readonly facts: OpenedFacts;
  readonly record: Omit<InferenceRecord, 'runSeconds'>;
  /** Runs it so many times. @returns seconds of each. */
  call(times: number): number[];
}

/** How an engine is asked before anything is timed; each gives it a prompt of its own. */
export const WARM_UP: Omit<CompletionRequest, 'prompt'> = {
  system: null,
  model: null,
  maxTokens: 4,
  stop: [],
  seed: 1,
  temperature: 0,
  topP: null,
  topK: null,
  minP: null,
};

/** A prompt with how it is to be answered; null and left out = as the model does. */
export interface CompletionRequest {
  readonly system: string | null;
  readonly prompt: string;
  /** Another model of the server; null = the one that was opened. */
  readonly model: string | null;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly temperature: number;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly minP: number | null;
  readonly seed: number;
}

/** What came of it. Times are monotonic seconds; null = it never came to that, or nobody tells. */
export interface Completion {
  readonly outcome: RequestOutcome;
  /** One sentence where it did not end well. */
  readonly problem: string | null;
  readonly text: string;
  /** When it was begun: sent, or given a place. */
  readonly sent: number | null;
  readonly firstToken: number | null;
  readonly promptTokens: number | null;
  /** Of these, taken from what was computed before. */
  readonly cachedTokens: number | null;
  readonly outputTokens: number | null;
}

/** A model that answers prompts, many at once. */
export interface Completions extends Closable {
  readonly facts: OpenedFacts;
  /** How prompts share their beginnings there, for records. */
  readonly sharing: string;
  /** Answers a prompt. Never rejects for what the engine does: the outcome says it. */
  complete(request: CompletionRequest): Promise<Completion>;
  /** Makes the engine forget, as far as it can, what earlier runs left, and warms it. */
  prepare(): Promise<void>;
  /** Gives up what is under way. */
  stop(reason: string): void;
}

/** A server that answers, in another process. */
export interface EndpointOpened extends Closable {
  readonly facts: EndpointFacts;
  readonly served: ServedEndpoint;
}

/** What quality needs of an engine: its vocabulary, and the logits of any position. Drives sequence 0. */
export interface TextModel {
  /** The token that this model's texts begin with; null when its vocabulary adds none. */
  readonly beginToken: number | null;
  /** How its chats become prompts; null = it has no template, or none that can be read here. */
  readonly chat: ChatTemplate | null;
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
