import type { Task } from '../../../core/quality/tasks/few-shot.js';
import type { TaskItem } from '../../../core/quality/tasks/items.js';
import { optionLikelihoods, tokenizeChoices, tokensOf } from './choices.js';
import { generate } from './generation.js';
import { type LanguageModel, LEAST_CONTEXT } from './language-model.js';
import { type PromptReader, promptText, promptTokens } from './prompts.js';
import { byLikelihood, bySaying, LETTER_TOKENS, type Respondent } from './respondent.js';

/**
 * @returns for each item, how many tokens the cache has to hold; where a bound shows that these are few, the
 *   bound. Items are cut again when they are asked, since all of them together may not fit into memory.
 */
export function tokensNeeded(reader: PromptReader, { items, spec }: Task): number[] {
  return items.map((item) => {
    const most = mostTokens(item, spec);
    // Cutting 50,000 questions takes as long as an interrupted task may take to go on.
    if (most <= LEAST_CONTEXT) return most;
    if (spec.mode !== 'generate') return tokenizeChoices(reader, item).longest;
    return tokensToSay(reader, item.prompt).length + spec.maxTokens;
  });
}

/** Begin and end of a text, and the blank that some vocabularies put before it. */
const AROUND_TEXT = 4;

/** No token is less than a byte; what a chat template adds is not known here. */
function mostTokens({ prompt, choices }: TaskItem, { mode, maxTokens }: Task['spec']): number {
  const prompts = choices?.prompts ?? [prompt];
  const bytes = (text: TaskItem['prompt']) =>
    typeof text === 'string' ? Buffer.byteLength(text) : Number.POSITIVE_INFINITY;
  const longest = (all: readonly TaskItem['prompt'][]) =>
    all.reduce((most, one) => Math.max(most, bytes(one)), 0);
  return (
    longest(prompts) + (mode === 'generate' ? maxTokens : longest(choices?.continuations ?? [])) + AROUND_TEXT
  );
}

const tokensToSay = (reader: PromptReader, prompt: TaskItem['prompt']) =>
  promptTokens(reader, prompt, promptText(reader, prompt));

/**
 * @returns the model as whoever answers a task. @param by how options are chosen: letters may be said, too.
 */
export function respondentOf(
  model: LanguageModel,
  task: Task,
  by: 'likelihood' | 'saying' = 'likelihood',
): Respondent {
  const reader = readerOf(model);
  const promptOf = (i: number) => tokensToSay(reader, task.items[i]!.prompt);
  if (by === 'saying') {
    const limits = { maxTokens: LETTER_TOKENS, stop: [] };
    return bySaying(task, async (i) => generate(model, promptOf(i), limits));
  }
  return byLikelihood(
    task,
    'logits',
    async (i) => {
      const cut = tokenizeChoices(reader, task.items[i]!);
      return { options: optionLikelihoods(model, cut, task.rules), tokensIn: tokensOf(cut) };
    },
    async (i) => generate(model, promptOf(i), limitsOf(task), { ...task.spec, item: i }),
  );
}

/** @returns a model's vocabulary with its chat template. */
export const readerOf = ({ text }: LanguageModel): PromptReader => ({
  tokenize: (words, addBegin) => text.tokenize(words, addBegin),
  chat: text.chat,
});

export const limitsOf = ({ spec: { maxTokens, stop }, stops }: Task) => ({
  maxTokens,
  stop,
  ...(stops !== undefined && { stops }),
});
