import { logProbability } from '../../core/quality/likelihood.js';
import type { OptionLikelihood } from '../../core/quality/multiple-choice.js';
import type { TaskItem } from '../../core/quality/tasks/items.js';
import type { TextModel } from '../../engines/runners/opened.js';
import type { LanguageModel } from './language-model.js';

/** The options of an item as tokens. */
export interface TokenizedChoices {
  /** Prompt and option together, as one text: a token may reach across the border. */
  readonly options: readonly Int32Array[];
  /** Tokens of the prompt alone: scored is what comes after that many. */
  readonly promptTokens: number;
  readonly bytes: readonly number[];
  /** The longest option's tokens: what the cache has to hold. */
  readonly longest: number;
}

/**
 * As lm-evaluation-harness does (its `_encode_pair`): the tokens of prompt + option past the number that the
 * prompt alone has; blanks at the prompt's end count to the option, since a word's token begins with its blank.
 */
export function tokenizeChoices(
  text: Pick<TextModel, 'tokenize'>,
  item: Pick<TaskItem, 'prompt' | 'choices'>,
): TokenizedChoices {
  const continuations = item.choices?.continuations ?? [];
  const options = continuations.map((option) => text.tokenize(item.prompt + option, true));
  return {
    options,
    // An empty prompt without a begin token leaves nothing to predict the first token from.
    promptTokens: Math.max(1, text.tokenize(item.prompt.trimEnd(), true).length),
    bytes: continuations.map((option) => Buffer.byteLength(option)),
    longest: Math.max(...options.map(({ length }) => length)),
  };
}

/** @returns how many tokens of an item are read: of the prompt, once, and of each option. */
export function tokensOf({ options, promptTokens }: TokenizedChoices): number {
  return options.reduce((sum, { length }) => sum + Math.max(0, length - promptTokens), promptTokens);
}

/** What the options share is evaluated once; then the cache is cut back to it for each of them. */
export function optionLikelihoods(model: LanguageModel, item: TokenizedChoices): OptionLikelihood[] {
  const { options, promptTokens, bytes } = item;
  // The row that predicts the first scored token has to be computed anew for each option.
  const shared = Math.min(sharedPrefix(options), promptTokens - 1);
  model.reset(0);
  if (shared > 0) model.text.evaluate(options[0]!.subarray(0, shared), shared, () => {});
  return options.map((tokens, i) => {
    if (i > 0) model.reset(shared);
    let logProbabilities = 0;
    const rest = tokens.subarray(shared);
    model.text.evaluate(rest, promptTokens - 1 - shared, (at, logits) => {
      const next = rest[at + 1];
      if (next !== undefined) logProbabilities += logProbability(logits, next);
    });
    return {
      logProbability: logProbabilities,
      tokens: Math.max(0, tokens.length - promptTokens),
      bytes: bytes[i]!,
    };
  });
}

function sharedPrefix(sequences: readonly Int32Array[]): number {
  const first = sequences[0]!;
  let length = Math.min(...sequences.map((sequence) => sequence.length));
  for (const sequence of sequences) {
    let i = 0;
    while (i < length && sequence[i] === first[i]) i++;
    length = i;
  }
  return length;
}
