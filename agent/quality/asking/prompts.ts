import { FailureError, failed } from '../../../core/errors.js';
import type { Prompt } from '../../../core/quality/tasks/prompt.js';
import type { ChatTemplate } from '../../../core/serving/tokenizer.js';
import type { TextModel } from '../../../engines/runners/opened.js';

/**
 * What makes tokens of prompts: a vocabulary, and the chat template that belongs to it; left out = none is
 * known.
 */
export interface PromptReader extends Pick<TextModel, 'tokenize'> {
  readonly chat?: ChatTemplate | null;
}

/**
 * @returns the text that a model reads. A template that refuses a system prompt is asked again without.
 * @throws FailureError `impossible-combination` where there is no template, or it refuses the messages.
 */
export function promptText({ chat }: Pick<PromptReader, 'chat'>, prompt: Prompt): string {
  if (typeof prompt === 'string') return prompt;
  if (chat === null || chat === undefined) {
    const hint = 'Ask without `chat: true`, or take a model that was tuned for chats.';
    throw impossible('the model has no chat template that can be read here', hint);
  }
  try {
    return chat.render(prompt);
  } catch (error) {
    if (error instanceof FailureError) throw error;
    const rest = prompt.filter(({ role }) => role !== 'system');
    if (rest.length < prompt.length) return promptText({ chat }, rest);
    throw impossible(
      `the chat template of the model does not render: ${(error as Error).message}`,
      'Ask without `chat: true`, or leave out the turns that it does not allow.',
    );
  }
}

/**
 * @returns the tokens of a text that was made of a prompt: by a chat template, words of special tokens are
 *   these.
 */
export function promptTokens(reader: PromptReader, prompt: Prompt, text: string): Int32Array {
  const { chat } = reader;
  return typeof prompt === 'string' || chat == null ? reader.tokenize(text, true) : chat.tokens(text);
}

function impossible(message: string, hint: string): FailureError {
  return failed('impossible-combination', message, hint);
}
