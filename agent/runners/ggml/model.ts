import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { FailureError, failure } from '../../../core/errors.js';
import type { LlamaVocabulary } from '../llama-cpp/vocabulary.js';
import type { LoadedFacts, LoadedModel } from '../runner.js';
import type { TrainingModel } from '../trainer.js';
import type { GgmlTrainer } from './trainer.js';

/** A model that is being trained: it has no cache and says nothing. */
export class GgmlModel implements LoadedModel {
  readonly facts: LoadedFacts;
  readonly training: TrainingModel;
  readonly warnings: readonly string[];
  readonly #close: () => void;

  constructor(
    facts: LoadedFacts,
    vocabulary: LlamaVocabulary | null,
    trainer: GgmlTrainer,
    close: () => void,
  ) {
    this.facts = facts;
    this.training = {
      trainer,
      beginToken: vocabulary?.beginToken ?? null,
      tokenize: (text) =>
        vocabulary?.tokenize(text, false) ?? randomTokens(facts.vocabularySize, Buffer.byteLength(text)),
    };
    this.warnings =
      vocabulary === null
        ? ['the model has no vocabulary, so random tokens stand for the text: its losses say nothing']
        : [];
    this.#close = close;
  }

  reset(): void {
    refuse();
  }

  prefill(): void {
    refuse();
  }

  step(): void {
    refuse();
  }

  close(): void {
    this.#close();
  }
}

function refuse(): never {
  throw new FailureError(failure('impossible-combination', 'the runner ggml trains and does not generate'));
}

/** Bytes of a text that one token stands for, about. */
const BYTES_PER_TOKEN = 4;

function randomTokens(vocabularySize: number, bytes: number): Int32Array {
  const random = xoroshiro128plus(1);
  const draw = () => uniformInt(random, 0, vocabularySize - 1);
  return Int32Array.from({ length: Math.floor(bytes / BYTES_PER_TOKEN) }, draw);
}
