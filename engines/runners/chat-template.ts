import { createHash } from 'node:crypto';
import { Template } from '@huggingface/jinja';
import { FailureError } from '../../core/errors.js';
import type { ChatTemplate, Message } from '../../core/serving/tokenizer.js';
import { boundedWork, CALL_SECONDS } from '../../formats/bounded-work.js';

/** What a model says of its chats. */
export interface ChatWords {
  /** In Jinja, as published with the model. */
  readonly template: string;
  /** Texts of the vocabulary's own tokens that templates write; '' = it has none. */
  readonly begin: string;
  readonly end: string;
}

/**
 * Opens a chat template by Hugging Face's reader of Jinja in JavaScript.
 * @param tokens of a text, in which words of special tokens are these tokens.
 * @param seconds that it may take for short messages.
 * @returns null for one that cannot be read, or that refuses a user's one message.
 * @throws FailureError `model-unreadable` for one that takes too long; so does counting.
 */
export function openChatTemplate(
  { template: source, begin, end }: ChatWords,
  tokens: ChatTemplate['tokens'],
  seconds = CALL_SECONDS,
): ChatTemplate | null {
  try {
    const template = boundedWork('the chat template', () => new Template(source), seconds);
    const written = (messages: readonly Message[], asks: boolean) => {
      const values = { messages, add_generation_prompt: asks, bos_token: begin, eos_token: end };
      const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
      return boundedWork('the chat template', () => template.render(values), seconds, characters);
    };
    const prompt: ChatTemplate['prompt'] = (messages, begun = '') => tokens(written(messages, true) + begun);
    prompt([{ role: 'user', content: 'a' }]);
    return {
      digest: `sha256:${createHash('sha256').update(source).digest('hex')}`,
      tokens,
      prompt,
      promptTokens: (messages) => prompt(messages).length,
      written: (messages) => written(messages, false),
      render(messages) {
        const last = messages.at(-1);
        return last?.role === 'assistant'
          ? openEnd(written(messages, false), last.content)
          : written(messages, true);
      },
    };
  } catch (error) {
    if (error instanceof FailureError) throw error;
    return null;
  }
}

/**
 * Cuts what a template writes behind the last message, as transformers' `continue_final_message` does; blanks
 * at its ends stay as far as the template left them.
 */
function openEnd(text: string, beginning: string): string {
  const at = text.lastIndexOf(beginning.trim());
  if (at < 0) throw new Error('the chat template does not write the message that the model is to go on with');
  const whole = beginning.trimStart();
  return text.slice(0, at + (text.startsWith(whole, at) ? whole : beginning.trim()).length);
}
