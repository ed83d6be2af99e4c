import { failed } from '../../../core/errors.js';
import type { AnswerRecord } from '../../../core/quality/answers/record.js';
import { logSumExp, mostLikely } from '../../../core/quality/likelihood.js';
import { fullAnswer, letterOf } from '../../../core/ranking/order.js';
import type { ChatTemplate } from '../../../core/serving/tokenizer.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import type { LanguageModel } from '../asking/language-model.js';

/** ln p of a token where the prompt ends; −∞ = it was not told, and is less likely than those that were. */
export type Next = (token: number) => number;

export interface Written {
  readonly text: string;
  readonly tokens: number;
  /** Of the first of them; null = not known. */
  readonly next: Next | null;
  readonly secondsToFirst: number | null;
}

/** Whoever reads prompts and says what comes next: a model in this process, or a server. */
export interface PromptReader {
  readonly by: AnswerRecord['asked']['by'];
  /** Tokens that a prompt and its answer have together, at most. */
  readonly contextTokens: number;
  /**
   * @param begun how the answer begins.
   * @returns a prompt's tokens, in the model's chat template where that is wanted and there.
   */
  tokens(prompt: string, chat: boolean, begun: string): Int32Array;
  next(prompt: Int32Array): Promise<Next>;
  /** Greedily, exactly so many tokens. */
  write(prompt: Int32Array, tokens: number): Promise<Written>;
}

/** @param chat null = the model has no template. */
export function promptTokens(
  text: { tokenize(text: string, addBegin: boolean): Int32Array },
  chat: ChatTemplate | null,
): PromptReader['tokens'] {
  return (prompt, inChat, begun) =>
    inChat && chat !== null
      ? chat.prompt([{ role: 'user', content: prompt }], begun)
      : text.tokenize(`${prompt}\n${begun}`, true);
}

/** A model in this process. */
export function modelReader(
  model: LanguageModel,
  chat: ChatTemplate | null,
  contextTokens: number,
): PromptReader {
  const { text } = model;
  const read = (prompt: Int32Array, visit: (logits: Float32Array) => void) =>
    text.evaluate(prompt, prompt.length - 1, (_, logits) => visit(logits));
  const begin = (prompt: Int32Array) => {
    let next: Next = () => Number.NEGATIVE_INFINITY;
    let best = 0;
    model.reset(0);
    read(prompt, (logits) => {
      // The row is the engine's.
      const [row, sum] = [logits.slice(), logSumExp(logits)];
      next = (token) => row[token]! - sum;
      best = mostLikely(row);
    });
    return { next, best };
  };
  return {
    by: 'logits',
    contextTokens,
    tokens: promptTokens(text, chat),
    next: async (prompt) => begin(prompt).next,
    async write(prompt, tokens) {
      const began = monotonicSeconds();
      const { next, best } = begin(prompt);
      const secondsToFirst = monotonicSeconds() - began;
      const said = [best];
      while (said.length < tokens) {
        let following = 0;
        read(Int32Array.of(said.at(-1)!), (logits) => {
          following = mostLikely(logits);
        });
        said.push(following);
      }
      return { text: text.detokenize(Int32Array.from(said)), tokens: said.length, next, secondsToFirst };
    },
  };
}

/** What letters are for a model, where an answer has begun with a bracket. */
export interface Letters {
  /** Token of each letter, A first. */
  readonly tokens: readonly number[];
  /** Tokens of a whole order behind its bracket. */
  answerTokens(count: number): number;
}

/**
 * Finds the tokens of bare letters behind a bracket. A vocabulary may have `[A` as one token: then no letter
 * stands where the bracket ends.
 * @returns one sentence where it has no bare letters.
 */
export function lettersOf(reader: PromptReader, chat: boolean, count: number): Letters | string {
  const cut = (begun: string) => reader.tokens('Rank the passages.', chat, begun);
  const bracket = cut('[');
  const tokens: number[] = [];
  for (let i = 0; i < count; i++) {
    const whole = cut(`[${letterOf(i)}`);
    const begins = bracket.every((token, at) => whole[at] === token);
    if (!begins || whole.length !== bracket.length + 1)
      return `its vocabulary has no token of a bare letter behind a bracket: [${letterOf(i)} is cut into other tokens than [ and ${letterOf(i)}`;
    tokens.push(whole.at(-1)!);
  }
  if (new Set(tokens).size < count) return 'its vocabulary has one token for several letters';
  return {
    tokens,
    answerTokens: (length) => Math.max(1, cut(fullAnswer(length)).length - bracket.length),
  };
}

/** Two answers that begin alike: how far, and the tokens in which they part. */
export interface Fork {
  readonly prompt: Int32Array;
  readonly either: readonly [number, number];
}

/**
 * @returns where two answers to a prompt part. @throws FailureError where one is the beginning of the other.
 */
export function forkOf(
  reader: PromptReader,
  prompt: string,
  chat: boolean,
  answers: readonly [string, string],
): Fork {
  const [a, b] = answers.map((answer) => reader.tokens(prompt, chat, answer)) as [Int32Array, Int32Array];
  const at = a.findIndex((token, i) => token !== b[i]);
  if (at > 0 && at < b.length) return { prompt: a.subarray(0, at), either: [a[at]!, b[at]!] };
  const message = `the vocabulary of this model does not tell ${answers.join(' from ')} by a token`;
  throw failed('impossible-combination', message, 'Use another way of ranking.');
}
