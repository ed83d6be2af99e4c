import { mostLikely } from '../../core/quality/likelihood.js';
import { untilStop } from '../../core/quality/until-stop.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import type { LanguageModel } from './language-model.js';
import type { Said } from './respondent.js';

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
): Said {
  const { text } = model;
  const answer: number[] = [];
  let next = -1;
  const pick = (_: number, logits: Float32Array) => {
    next = mostLikely(logits);
  };
  const began = monotonicSeconds();
  model.reset(0);
  text.evaluate(prompt, prompt.length - 1, pick);
  const secondsToFirst = monotonicSeconds() - began;
  const ended = (said: string): Said => {
    return { text: said, tokensIn: prompt.length, tokensOut: answer.length, secondsToFirst };
  };
  while (answer.length < maxTokens && !text.isEnd(next)) {
    answer.push(next);
    // The whole is read anew: a character may be spread over several tokens.
    const stopped = untilStop(text.detokenize(Int32Array.from(answer)), stop);
    if (stopped !== null) return ended(stopped);
    if (answer.length < maxTokens) text.evaluate(Int32Array.of(next), 0, pick);
  }
  return ended(text.detokenize(Int32Array.from(answer)));
}
