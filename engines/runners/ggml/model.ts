import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { LlamaVocabulary } from '../llama-cpp/vocabulary.js';
import type { TrainerFacts } from '../opened.js';
import type { TrainableModel } from '../trainer.js';
import type { GgmlTrainer } from './trainer.js';

/** @returns a model that is being trained. */
export function ggmlModel(
  facts: TrainerFacts,
  vocabulary: LlamaVocabulary | null,
  trainer: GgmlTrainer,
  close: () => void,
) {
  const random = 'the model has no vocabulary, so random tokens stand for the text: its losses say nothing';
  const { beginToken, endToken, chat } = vocabulary ?? { beginToken: null, endToken: null, chat: null };
  return {
    facts,
    trainer,
    beginToken,
    endToken,
    chat,
    close,
    warnings: vocabulary === null ? [random] : [],
    tokenize: (text: string) =>
      vocabulary?.tokenize(text, false) ?? randomTokens(facts.vocabularySize, Buffer.byteLength(text)),
  } satisfies TrainableModel;
}

/** Bytes of a text that one token stands for, about. */
const BYTES_PER_TOKEN = 4;

function randomTokens(vocabularySize: number, bytes: number): Int32Array {
  const random = xoroshiro128plus(1);
  const draw = () => uniformInt(random, 0, vocabularySize - 1);
  return Int32Array.from({ length: Math.floor(bytes / BYTES_PER_TOKEN) }, draw);
}
