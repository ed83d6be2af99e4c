import type { ChatTemplate } from '../../core/serving/tokenizer.js';
import type { LowRankAdapter } from '../../core/techniques/adapters/adapter.js';
import type { Closable, TrainerFacts } from './opened.js';

/**
 * A model that was opened to be trained; the workload drives it and knows nothing of graphs. Another engine
 * (a GPU's) takes part by offering the same.
 */
export interface TrainableModel extends Closable {
  readonly facts: TrainerFacts;
  /** @returns the ids of a text, without a begin token. */
  tokenize(text: string): Int32Array;
  /** The token that windows begin with; null when this model's texts begin with none. */
  readonly beginToken: number | null;
  /** The token that ends a text; null = the vocabulary has none. */
  readonly endToken: number | null;
  /** How chats become texts; null = the model has no template. */
  readonly chat: ChatTemplate | null;
  readonly trainer: Trainer;
}

/** Label of a token after which nothing is learnt: of a prompt, and of padding. */
export const NOT_LEARNT = -1;

/** Windows of one step: `sequences` of `windowTokens` each, one behind the other. */
export interface TrainingBatch {
  readonly tokens: Int32Array;
  /** The token that follows each, or `NOT_LEARNT` where losses are not of it. At least one is learnt. */
  readonly labels: Int32Array;
}

/** Bytes that the engine holds, by what for. */
export interface TrainingMemory {
  /** Of the model and of what is trained beside it. */
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  /** The largest moment of everything that a step computes. */
  readonly activations: number;
  /** Tokens, mask and labels. */
  readonly inputs: number;
}

export interface TrainingStep {
  /** Mean over the tokens that are learnt, in nats, before the step. */
  readonly loss: number;
  readonly forwardSeconds: number;
  readonly backwardSeconds: number;
  readonly optimizerSeconds: number;
  /** Of the whole step, filling in the batch included. */
  readonly seconds: number;
}

/** Made while the model was loaded, from the settings. Every method returns after the device has finished. */
export interface Trainer {
  readonly trainableParameters: number;
  readonly memory: TrainingMemory;
  /** @param rate the learning rate of this step. */
  step(batch: TrainingBatch, rate: number): TrainingStep;
  /** @returns the mean loss in nats; nothing is changed. */
  evaluate(batch: TrainingBatch): number;
  /** @returns what was trained. */
  result(): TrainedResult;
}

/** What training made: factors beside the base, or tensors of the base itself. */
export type TrainedResult =
  | {
      readonly kind: 'adapter';
      readonly adapter: LowRankAdapter;
      /**
       * The matrices it changes with the adapter in them, f32, from the base as it was trained on: for
       * engines that cannot attach it.
       */
      readonly merged: ReadonlyMap<string, () => Float32Array>;
    }
  | {
      readonly kind: 'model';
      /** Trained tensors by name, f32 in the order of the file. */
      readonly tensors: ReadonlyMap<string, () => Float32Array>;
    };
