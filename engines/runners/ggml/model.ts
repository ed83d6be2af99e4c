import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { ChatTemplate } from '../../../core/serving/tokenizer.js';
import type { LlamaVocabulary } from '../llama-cpp/vocabulary.js';
import type { TrainerFacts } from '../opened.js';
import type { TrainableModel } from '../trainer.js';
import type { GgmlTrainer } from './trainer.js';

/** A model that is being trained. */
export class GgmlModel implements TrainableModel {
  readonly facts: TrainerFacts;
  readonly trainer: GgmlTrainer;
  readonly beginToken: number | null;
  readonly endToken: number | null;
  readonly chat: ChatTemplate | null;
  readonly warnings: readonly string[];
  readonly #vocabulary: LlamaVocabulary | null;
  readonly #close: () => void;

  constructor(
    facts: TrainerFacts,
    vocabulary: LlamaVocabulary | null,
    trainer: GgmlTrainer,
    close: () => void,
  ) {
    this.facts = facts;
    this.trainer = trainer;
    this.beginToken = vocabulary?.beginToken ?? null;
    this.endToken = vocabulary?.endToken ?? null;
    this.chat = vocabulary?.chat ?? null;
    this.#vocabulary = vocabulary;
    this.warnings =
      vocabulary === null
        ? ['the model has no vocabulary, so random tokens stand for the text: its losses say nothing']
        : [];
    this.#close = close;
  }

  tokenize(text: string): Int32Array {
    const { vocabularySize } = this.facts;
    return this.#vocabulary?.tokenize(text, false) ?? randomTokens(vocabularySize, Buffer.byteLength(text));
  }

  close(): void {
    this.#close();
  }
}

/** Bytes of a text that one token stands for, about. */
const BYTES_PER_TOKEN = 4;

function randomTokens(vocabularySize: number, bytes: number): Int32Array {
  const random = xoroshiro128plus(1);
  const draw = () => uniformInt(random, 0, vocabularySize - 1);
  return Int32Array.from({ length: Math.floor(bytes / BYTES_PER_TOKEN) }, draw);
}
