import { createHash } from 'node:crypto';
import { Template } from '@huggingface/jinja';
import type { ChatTemplate } from '../serving/tokenizer.js';

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
 * @param count tokens of a text, in which words of special tokens are these tokens.
 * @returns null for one that cannot be read, or that refuses a user's one message.
 */
export function openChatTemplate(
  { template: source, begin, end }: ChatWords,
  count: (text: string) => number,
): ChatTemplate | null {
  try {
    const template = new Template(source);
    const promptTokens: ChatTemplate['promptTokens'] = (messages) =>
      count(template.render({ messages, add_generation_prompt: true, bos_token: begin, eos_token: end }));
    promptTokens([{ role: 'user', content: 'a' }]);
    return { digest: `sha256:${createHash('sha256').update(source).digest('hex')}`, promptTokens };
  } catch {
    return null;
  }
}
