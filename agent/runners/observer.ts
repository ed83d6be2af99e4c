import type { Collector, CollectorOptions } from '../native/collector.js';
import type { TextModel } from './opened.js';

/** An engine that is looked into while it computes, on the CPU: what calibration asks of it. Child processes only. */
export interface Observer {
  /**
   * Opens the vocabulary of a model file without its weights, and does the work with it.
   * @throws FailureError `model-unsupported` for a file without a vocabulary, and with the engine's words.
   */
  withVocabulary<T>(modelPath: string, work: (vocabulary: Vocabulary) => T): T;
  /** @throws FailureError `engine-missing`, `engine-mismatch` for our native library. */
  openCollector(options: CollectorOptions): Promise<Collector>;
  /** @throws FailureError with the engine's words. */
  openModel(request: ObservedRequest): ObservedModel;
  /** @returns what its graphs call the residual stream behind a block. */
  blockOutput(block: number): string;
}

export type Vocabulary = Pick<TextModel, 'beginToken' | 'tokenize'>;

export interface ObservedRequest {
  readonly modelPath: string;
  /** Longest sequence that will be run. */
  readonly tokens: number;
  readonly threads: number;
  readonly collector: Collector;
}

/** A model that is run to be looked into: sequences from their start, nothing else. */
export interface ObservedModel {
  /** Values of a hidden state. */
  readonly width: number;
  /** Evaluates one sequence of tokens. */
  run(tokens: Int32Array): void;
  /** Evaluates one sequence given by what its tokens are embedded as: tokens · width values. */
  runStates(states: Float32Array): void;
  close(): void;
}
