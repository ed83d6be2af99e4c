import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fieldsOf, readJson, textIn } from './config-json.js';
import type { ModelDetails } from './format.js';

/** As transformers names them. */
const TOKENIZER = 'tokenizer.json';
const TOKENIZER_CONFIG = 'tokenizer_config.json';
const SENTENCE_PIECES = 'tokenizer.model';
const TEMPLATE = 'chat_template.jinja';

/** @returns those that a published folder has, as paths. */
export function tokenizerFiles(folder: string): string[] {
  return [TOKENIZER, TOKENIZER_CONFIG, SENTENCE_PIECES, TEMPLATE]
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path));
}

/** @returns the tokenizer and the template of a published folder. @throws FormatError for a file that is no JSON. */
export function tokenizerOf(folder: string): Pick<ModelDetails, 'tokenizer' | 'chatTemplate'> {
  const has = (name: string) => existsSync(join(folder, name));
  const fields = (name: string) => fieldsOf(has(name) ? readJson(join(folder, name)) : null);
  const kind = textIn(fieldsOf(fields(TOKENIZER).model), 'type');
  return {
    tokenizer: kind ?? (has(SENTENCE_PIECES) ? 'SentencePiece' : null),
    chatTemplate: has(TEMPLATE)
      ? readFileSync(join(folder, TEMPLATE), 'utf8')
      : textIn(fields(TOKENIZER_CONFIG), 'chat_template'),
  };
}
