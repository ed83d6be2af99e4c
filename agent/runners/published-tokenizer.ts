import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Tokenizer as PublishedTokenizer } from '@huggingface/tokenizers';
import { FailureError, failure } from '../../core/errors.js';
import type { Tokenizer } from '../serving/tokenizer.js';

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
