import { createHash } from 'node:crypto';
import { Template } from '@huggingface/jinja';
import { FailureError } from '../../core/errors.js';
import type { ChatTemplate } from '../../core/serving/tokenizer.js';
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
 * @param cut gives the tokens of a text, in which words of special tokens are these tokens.
 * @param seconds that it may take for short messages.
 * @returns null for one that cannot be read, or that refuses a user's one message.
 * @throws FailureError `model-unreadable` for one that takes too long; so does counting.
 */
export function openChatTemplate(
  { template: source, begin, end }: ChatWords,
  cut: (text: string) => Int32Array,
  seconds = CALL_SECONDS,
): ChatTemplate | null {
  try {
    const template = boundedWork('the chat template', () => new Template(source), seconds);
    const prompt: ChatTemplate['prompt'] = (messages, begun = '') => {
      const words = { messages, add_generation_prompt: true, bos_token: begin, eos_token: end };
      const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
      return cut(boundedWork('the chat template', () => template.render(words), seconds, characters) + begun);
    };
    prompt([{ role: 'user', content: 'a' }]);
    return {
      digest: `sha256:${createHash('sha256').update(source).digest('hex')}`,
      prompt,
      promptTokens: (messages) => prompt(messages).length,
    };
  } catch (error) {
    if (error instanceof FailureError) throw error;
    return null;
  }
}
