import { createHash } from 'node:crypto';
import type { Tokenizer } from '../../../core/serving/tokenizer.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { loadLlama } from '../../native/llama.js';
import { openModel } from './load.js';
import { settingsOf } from './settings.js';
import { LlamaVocabulary } from './vocabulary.js';

/**
 * Opens the vocabulary of a GGUF file, without its weights; it stays open as long as the process lives. Of
 * all quantizations of one model it is the same, and so is its digest.
 * @returns null when the file has none.
 * @throws FailureError with the engine's words; FormatError for a file that is no GGUF.
 */
export async function openGgufTokenizer(path: string): Promise<Tokenizer | null> {
  const { metadata } = readGgufHeader(path);
  // llama.cpp aborts when a vocabulary is asked for that is not there.
  if (!metadata.has('tokenizer.ggml.tokens')) return null;
  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  llama.log.clear();
  const vocabulary = new LlamaVocabulary(
    llama,
    openModel(llama, path, settingsOf({}, 1), [], true),
    () => metadata,
  );
  const digest = createHash('sha256');
  for (const [key, value] of [...metadata].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (key.startsWith('tokenizer.')) digest.update(`${key}\n${JSON.stringify(value, exact)}\n`);
  }
  return {
    name: `${metadata.get('tokenizer.ggml.model') ?? 'unknown'} of llama.cpp ${llama.release}`,
    digest: `sha256:${digest.digest('hex')}`,
    beginToken: vocabulary.beginToken,
    size: vocabulary.size,
    chat: vocabulary.chat,
    tokenize: (text) => vocabulary.tokenize(text, false),
    detokenize: (tokens) => vocabulary.detokenize(tokens),
  };
}

const exact = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
