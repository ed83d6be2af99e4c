import type { Collector, CollectorOptions } from '../native/collector.js';
import type { TextModel } from './opened.js';
import type { PlaceRequest } from './runner.js';

/** Where a model is run to be looked into. */
export interface ObservedPlace extends Omit<PlaceRequest, 'cpus' | 'options'> {
  /** Names of RPC servers whose devices it is spread over, too. */
  readonly rpcServers: readonly string[];
  /**
   * Why it is the CPU, of the place as it is or of the one that was asked for; left out = its devices are
   * used.
   */
  readonly cpuReason?: string;
}

/** @returns the device of a class, of which a machine has one. */
export function placeOfClass(deviceClass: string): ObservedPlace {
  return { rpcServers: [], deviceClass, deviceId: '' };
}

/** Where a model is run when nothing else is said. */
export const ON_CPU = placeOfClass('cpu');

/** An engine that is looked into while it computes: what calibration asks of it. Child processes only. */
export interface Observer {
  /**
   * @returns the devices of its place, opened once; null = the CPU.
   * @throws FailureError `device-missing` and the like.
   */
  devices(): Promise<ObservedDevices | null>;
  /**
   * Opens the vocabulary of a model file without its weights, and does the work with it.
   * @throws FailureError `model-unsupported` for a file without a vocabulary, and with the engine's words.
   */
  withVocabulary<T>(modelPath: string, work: (vocabulary: Vocabulary) => T): T;
  /** @throws FailureError `engine-missing`, `engine-mismatch` for our native library. */
  openCollector(options: CollectorOptions): Promise<Collector>;
  /** @throws FailureError with the engine's words. */
  openModel(request: ObservedRequest): Promise<ObservedModel>;
  /** @returns what its graphs call the residual stream behind a block. */
  blockOutput(block: number): string;
}

/** Devices that a model is spread over. */
export interface ObservedDevices {
  /** What a record calls them. */
  readonly name: string;
  /** Of them together, when they were opened; null = one of them does not tell. */
  readonly freeBytes: number | null;
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
