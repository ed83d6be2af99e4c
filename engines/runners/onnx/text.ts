import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { failed } from '../../../core/errors.js';
import { CONFIG, fieldsOf, readJson } from '../../../formats/config-json.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { graphOf } from '../../../formats/onnx/format.js';
import { VOCABULARY_FILE } from '../../../formats/onnx/model.js';
import { loadLlama } from '../../native/llama.js';
import { openVocabulary } from '../ggml/load.js';
import type { TextModel } from '../opened.js';
import { openPublishedTokenizer } from '../published-tokenizer.js';

/** The vocabulary of a model, without its weights. */
export interface Vocabulary extends Omit<TextModel, 'evaluate'> {
  close(): void;
}

/**
 * Opens the tokenizer that lies beside a graph: `tokenizer.gguf` (llama.cpp reads it), else `tokenizer.json`.
 * @throws FailureError `model-unsupported` where there is none.
 */
export async function openVocabularyBeside(path: string): Promise<Vocabulary> {
  const folder = dirname(existsSync(path) ? graphOf(path) : path);
  const gguf = join(folder, VOCABULARY_FILE);
  if (existsSync(gguf)) return await ofGguf(gguf);
  const published = openPublishedTokenizer(folder);
  const message = `There is no tokenizer beside ${path}, so it cannot be asked about text.`;
  const hint = `Put its tokenizer.json there, or a ${VOCABULARY_FILE} with its vocabulary.`;
  if (published === null) throw failed('model-unsupported', message, hint);
  const { beginToken, chat } = published;
  const ends = new Set(endTokens(folder));
  return {
    beginToken,
    chat,
    tokenize(text, addBegin) {
      const tokens = published.tokenize(text);
      return addBegin && beginToken !== null ? Int32Array.of(beginToken, ...tokens) : tokens;
    },
    detokenize: (tokens) => published.detokenize(tokens),
    isEnd: (token) => ends.has(token),
    close() {},
  };
}

/** @returns the ids that end a text: of generation_config.json, else of config.json. */
function endTokens(folder: string): number[] {
  const files = ['generation_config.json', CONFIG].map((name) => join(folder, name)).filter(existsSync);
  const said = files.map((file) => fieldsOf(readJson(file)).eos_token_id);
  const value = said.find((one) => one !== undefined && one !== null);
  return (Array.isArray(value) ? value : [value]).filter((id): id is number => typeof id === 'number');
}

async function ofGguf(path: string): Promise<Vocabulary> {
  const header = readGgufHeader(path);
  const llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  const { vocabulary, close } = openVocabulary(llama, path, header, { name: 'unknown' });
  if (vocabulary !== null) return { ...vocabulary.words(), close };
  throw failed('model-unreadable', `${path} holds no vocabulary.`);
}
