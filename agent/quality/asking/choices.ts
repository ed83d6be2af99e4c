import { logProbability, mostLikely } from '../../../core/quality/likelihood.js';
import type { ChoiceScore, OptionLikelihood } from '../../../core/quality/multiple-choice.js';
import type { TaskItem } from '../../../core/quality/tasks/items.js';
import type { LanguageModel } from './language-model.js';
import { type PromptReader, promptText, promptTokens } from './prompts.js';

/** The options of an item as tokens. */
export interface TokenizedChoices {
  /**
   * The tokens of the prompt alone, continued by those of the whole text (prompt + option) beyond that
   * number: in the whole text a token may reach across the border.
   */
  readonly options: readonly Int32Array[];
  /** By option, tokens of its prompt alone: scored is what comes after that many. */
  readonly promptTokens: readonly number[];
  readonly bytes: readonly number[];
  /** Code points. */
  readonly characters: readonly number[];
  /** The longest option's tokens: what the cache has to hold. */
  readonly longest: number;
}

/**
 * As lm-evaluation-harness does (its `_encode_pair`): n tokens of the prompt alone come first. Then come the
 * tokens of prompt + option behind its first n. Blanks at the prompt's end count to the option, since a
 * word's token begins with its blank.
 */
export function tokenizeChoices(
  reader: PromptReader,
  { prompt, choices }: Pick<TaskItem, 'prompt' | 'choices'>,
): TokenizedChoices {
  const { continuations = [], prompts, texts = continuations } = choices ?? {};
  const cut = (of: TaskItem['prompt']) => {
    const text = promptText(reader, of);
    return { of, text, tokens: promptTokens(reader, of, text.trimEnd()) };
  };
  const one = prompts === undefined ? cut(prompt) : null;
  const before = continuations.map((_, i) => one ?? cut(prompts![i]!));
  const options = continuations.map((option, i) => {
    const { of, text, tokens } = before[i]!;
    return continuedPrompt(tokens, promptTokens(reader, of, text + option));
  });
  return {
    options,
    // An empty prompt without a begin token leaves nothing to predict the first token from.
    promptTokens: before.map(({ tokens }) => Math.max(1, tokens.length)),
    bytes: texts.map((text) => Buffer.byteLength(text)),
    characters: texts.map((text) => [...text].length),
    longest: options.reduce((most, { length }) => Math.max(most, length), 0),
  };
}

/**
 * @returns what a model reads: the tokens of a prompt, and behind them those of the whole text beyond that
 *   number.
 */
function continuedPrompt(prompt: Int32Array, whole: Int32Array): Int32Array {
  const tokens = whole.slice();
  tokens.set(prompt.subarray(0, whole.length));
  return tokens;
}

/**
 * @returns how many tokens of an item are read: of the prompt, once, and of each option; of several prompts,
 *   each.
 */
export function tokensOf(item: TokenizedChoices): number {
  const shared = sharedTokens(item);
  return item.options.reduce((sum, { length }) => sum + length - shared, shared);
}

/**
 * What all options begin with. The row that predicts the first scored token has to be computed anew for each
 * of them.
 */
function sharedTokens({ options, promptTokens: before }: TokenizedChoices): number {
  return Math.min(sharedPrefix(options), ...before.map((tokens) => tokens - 1));
}

/**
 * What the options share is evaluated once; then the cache is cut back to it for each of them.
 * @param rules that need more than likelihoods are looked for alone where one of them is there.
 */
export function optionLikelihoods(
  model: LanguageModel,
  item: TokenizedChoices,
  rules: readonly ChoiceScore[] = [],
): OptionLikelihood[] {
  const { options, promptTokens: before, bytes, characters } = item;
  const shared = sharedTokens(item);
  const [counts, looks] = [needs(rules, 'perCharacter'), needs(rules, 'greedy')];
  model.reset(0);
  if (shared > 0) model.text.evaluate(options[0]!.subarray(0, shared), shared, () => {});
  return options.map((tokens, i) => {
    if (i > 0) model.reset(shared);
    let logProbabilities = 0;
    let greedy = true;
    const rest = tokens.subarray(shared);
    model.text.evaluate(rest, before[i]! - 1 - shared, (at, logits) => {
      const next = rest[at + 1];
      if (next === undefined) return;
      logProbabilities += logProbability(logits, next);
      if (looks && greedy) greedy = mostLikely(logits) === next;
    });
    return {
      logProbability: logProbabilities,
      tokens: Math.max(0, tokens.length - before[i]!),
      bytes: bytes[i]!,
      ...(counts && { characters: characters[i]! }),
      ...(looks && { greedy }),
    };
  });
}

/** @returns whether one of these scores is taken by a rule. */
export const needs = (rules: readonly ChoiceScore[], rule: ChoiceScore['rule']): boolean =>
  rules.some((one) => one.rule === rule);

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
