import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Tokenizer as PublishedTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { FailureError, failure } from '../../core/errors.js';
import type { ChatTemplate, Tokenizer } from '../serving/tokenizer.js';
import { openChatTemplate } from './chat-template.js';

/**
 * Opens the tokenizer of a published folder, `tokenizer.json`, with Hugging Face's own reader in JavaScript. Words of its special
 * tokens are read as those tokens, unlike a vocabulary's of llama.cpp.
 * @returns null when the folder has none.
 * @throws FailureError `model-unreadable` for one that cannot be read.
 */
export function openPublishedTokenizer(folder: string): Tokenizer | null {
  const path = join(folder, 'tokenizer.json');
  if (!existsSync(path)) return null;
  const bytes = readFileSync(path);
  const configPath = join(folder, 'tokenizer_config.json');
  const plain = { add_special_tokens: false };
  try {
    const config = existsSync(configPath) ? JSON.parse(readFileSync(configPath, 'utf8')) : {};
    const tokenizer = new PublishedTokenizer(JSON.parse(bytes.toString('utf8')), config);
    const [first] = tokenizer.encode('a').ids;
    return {
      name: `tokenizer.json of ${basename(folder)}`,
      digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
      beginToken: first === tokenizer.encode('a', plain).ids[0] ? null : (first ?? null),
      size: tokenizer.get_vocab().size,
      // vLLM, SGLang and TGI add nothing to what a template makes.
      chat: chatOf(folder, config, (text) => tokenizer.encode(text, plain).ids.length),
      tokenize: (text) => Int32Array.from(tokenizer.encode(text, plain).ids),
      detokenize: (tokens) =>
        tokens.length === 0 ? '' : tokenizer.decode([...tokens], { clean_up_tokenization_spaces: false }),
    };
  } catch (error) {
    throw new FailureError(
      failure('model-unreadable', `${path} cannot be read: ${(error as Error).message}`),
    );
  }
}

const wordSchema = z.union([
  z.string(),
  z.object({ content: z.string() }).transform(({ content }) => content),
]);
const chatSchema = z.object({
  /** One, or several by name. */
  chat_template: z
    .union([z.string(), z.array(z.object({ name: z.string(), template: z.string() }))])
    .optional()
    .catch(undefined),
  bos_token: wordSchema.catch(''),
  eos_token: wordSchema.catch(''),
});

/** Of `chat_template.jinja`, where newer folders have it, or of the tokenizer's config. */
function chatOf(folder: string, config: unknown, count: (text: string) => number): ChatTemplate | null {
  const { chat_template: written, bos_token: begin, eos_token: end } = chatSchema.parse(config);
  const path = join(folder, 'chat_template.jinja');
  const listed = Array.isArray(written) ? written.find(({ name }) => name === 'default')?.template : written;
  const template = existsSync(path) ? readFileSync(path, 'utf8') : listed;
  return template === undefined ? null : openChatTemplate({ template, begin, end }, count);
}
