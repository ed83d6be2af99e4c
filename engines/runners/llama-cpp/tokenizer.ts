import { createHash } from 'node:crypto';
import type { ChatTemplate, Tokenizer } from '../../../core/serving/tokenizer.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { loadLlama } from '../../native/llama.js';
import { openChatTemplate } from '../chat-template.js';
import { openModel } from './load.js';
import { readSettings } from './settings.js';
import { LlamaVocabulary } from './vocabulary.js';

/**
 * Opens the vocabulary of a GGUF file, without its weights; it stays open as long as the process lives. Of all quantizations of one
 * model it is the same, and so is its digest.
 * @returns null when the file has none.
 * @throws FailureError with the engine's words; FormatError for a file that is no GGUF.
 */
export async function openGgufTokenizer(path: string): Promise<Tokenizer | null> {
  const { metadata } = readGgufHeader(path);
  // llama.cpp aborts when a vocabulary is asked for that is not there.
  if (!metadata.has('tokenizer.ggml.tokens')) return null;
  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  llama.log.clear();
  const vocabulary = new LlamaVocabulary(llama, openModel(llama, path, readSettings({}, 1), [], true));
  const digest = createHash('sha256');
  for (const [key, value] of [...metadata].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (key.startsWith('tokenizer.')) digest.update(`${key}\n${JSON.stringify(value, exact)}\n`);
  }
  return {
    name: `${metadata.get('tokenizer.ggml.model') ?? 'unknown'} of llama.cpp ${llama.release}`,
    digest: `sha256:${digest.digest('hex')}`,
    beginToken: vocabulary.beginToken,
    size: vocabulary.size,
    chat: chatOf(metadata, vocabulary),
    tokenize: (text) => vocabulary.tokenize(text, false),
    detokenize: (tokens) => vocabulary.detokenize(tokens),
  };
}

/** As llama-server counts: what a template begins with is not begun with twice. */
function chatOf(metadata: ReadonlyMap<string, unknown>, vocabulary: LlamaVocabulary): ChatTemplate | null {
  const template = metadata.get('tokenizer.chat_template');
  if (typeof template !== 'string') return null;
  const tokens = metadata.get('tokenizer.ggml.tokens');
  const word = (id: unknown) => {
    const text = Array.isArray(tokens) ? tokens[Number(id)] : undefined;
    return id !== undefined && typeof text === 'string' ? text : '';
  };
  const begin = word(metadata.get('tokenizer.ggml.bos_token_id'));
  const end = word(metadata.get('tokenizer.ggml.eos_token_id'));
  return openChatTemplate({ template, begin, end }, (text) => {
    const begins = vocabulary.beginToken !== null && begin !== '' && text.startsWith(begin);
    return vocabulary.tokenize(text, !begins, true);
  });
}

const exact = (_key: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);
