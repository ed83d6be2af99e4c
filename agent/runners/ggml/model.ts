import { FailureError, failure } from '../../../core/errors.js';
import type { LlamaVocabulary } from '../llama-cpp/vocabulary.js';
import type { LoadedFacts, LoadedModel } from '../runner.js';
import type { TrainingModel } from '../trainer.js';
import type { GgmlTrainer } from './trainer.js';

/** A model that is being trained: it has no cache and says nothing. */
export class GgmlModel implements LoadedModel {
  readonly facts: LoadedFacts;
  readonly training: TrainingModel;
  readonly #close: () => void;

  constructor(facts: LoadedFacts, vocabulary: LlamaVocabulary, trainer: GgmlTrainer, close: () => void) {
    this.facts = facts;
    this.training = {
      trainer,
      beginToken: vocabulary.beginToken,
      tokenize: (text) => vocabulary.tokenize(text, false),
    };
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
