import { answerSeed, type PickToken, tokenPicker } from '../../../core/quality/sampling.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { untilStop } from '../../../core/quality/until-stop.js';
import { monotonicSeconds, wholeNanoseconds } from '../../../process/isolation/clock.js';
import type { LanguageModel } from './language-model.js';
import type { Reply, Sample } from './respondent.js';

export interface GenerationLimits {
  readonly maxTokens: number;
  /** The answer ends before the first of these. */
  readonly stop: readonly string[];
  /** `first`: also where the answer begins with it. */
  readonly stops?: Task['stops'];
}

/** What answers are drawn by. */
export interface Drawing extends Pick<Task['spec'], 'sampling' | 'samples'> {
  /** Place of the item. */
  readonly item: number;
}

const GREEDY: Drawing = { sampling: null, samples: 1, item: 0 };

/**
 * Decodes greedily, or draws: the same model gives the same answers again. The prompt stays in the cache from
 * one answer to the next.
 * @returns the texts up to a stop, an end token or the limit.
 */
export function generate(
  model: LanguageModel,
  prompt: Int32Array,
  limits: GenerationLimits,
  { sampling, samples, item }: Drawing = GREEDY,
): Reply {
  const answers: Sample[] = [];
  let secondsToFirst = 0;
  for (let i = 0; i < samples; i++) {
    const began = monotonicSeconds();
    const pick = tokenPicker(sampling, sampling === null ? 0 : answerSeed(sampling, item, i));
    const kept = i === 0 ? 0 : prompt.length - 1;
    model.reset(kept);
    const first = () => {
      if (i === 0) secondsToFirst = monotonicSeconds() - began;
    };
    const { text, tokensOut } = answerTo(model, prompt.subarray(kept), limits, pick, first);
    answers.push({ text, tokensOut, seconds: wholeNanoseconds(monotonicSeconds() - began) });
  }
  return {
    text: answers[0]!.text,
    samples: answers,
    tokensIn: prompt.length,
    tokensOut: answers.reduce((sum, { tokensOut }) => sum + (tokensOut ?? 0), 0),
    secondsToFirst,
  };
}

function answerTo(
  { text }: LanguageModel,
  prompt: Int32Array,
  { maxTokens, stop, stops }: GenerationLimits,
  choose: PickToken,
  first: () => void,
): { readonly text: string; readonly tokensOut: number } {
  const answer: number[] = [];
  let next = -1;
  const pick = (_: number, logits: Float32Array) => {
    next = choose(logits);
  };
  text.evaluate(prompt, prompt.length - 1, pick);
  first();
  while (answer.length < maxTokens && !text.isEnd(next)) {
    answer.push(next);
    // The whole is read anew: a character may be spread over several tokens.
    const stopped = untilStop(text.detokenize(Int32Array.from(answer)), stop, stops);
    if (stopped !== null) return { text: stopped, tokensOut: answer.length };
    if (answer.length < maxTokens) text.evaluate(Int32Array.of(next), 0, pick);
  }
  return { text: text.detokenize(Int32Array.from(answer)), tokensOut: answer.length };
}
