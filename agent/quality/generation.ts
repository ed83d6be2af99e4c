import { mostLikely } from '../../core/quality/likelihood.js';
import { untilStop } from '../../core/quality/until-stop.js';
import type { LanguageModel } from './language-model.js';

export interface GenerationLimits {
  readonly maxTokens: number;
  /** The answer ends before the first of these. */
  readonly stop: readonly string[];
}

/** Greedy decoding: the same model gives the same answer. @returns the text up to a stop, an end token or the limit. */
export function generate(
  model: LanguageModel,
  prompt: Int32Array,
  { maxTokens, stop }: GenerationLimits,
): string {
  const { text } = model;
  const answer: number[] = [];
  let next = -1;
  const pick = (_: number, logits: Float32Array) => {
    next = mostLikely(logits);
  };
  model.reset(0);
  text.evaluate(prompt, prompt.length - 1, pick);
  while (answer.length < maxTokens && !text.isEnd(next)) {
    answer.push(next);
    // The whole is read anew: a character may be spread over several tokens.
    const said = text.detokenize(Int32Array.from(answer));
    const ended = untilStop(said, stop);
    if (ended !== null) return ended;
    if (answer.length < maxTokens) text.evaluate(Int32Array.of(next), 0, pick);
  }
  return text.detokenize(Int32Array.from(answer));
}
