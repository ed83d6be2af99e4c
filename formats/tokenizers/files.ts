import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MOST_BYTES, readBounded } from '../bounded-file.js';
import { CONFIG, type Fields, fieldsOf, listIn, readJson, textIn } from '../config-json.js';
import { FormatError, type ModelDetails } from '../format.js';
import { contentOf } from './content.js';
import { readSentencePieces, type SentencePieces } from './sentence-pieces.js';
import { fromSlowFiles, SLOW_FILES } from './slow-files.js';

/** As transformers names them. */
const TOKENIZER = 'tokenizer.json';
const TOKENIZER_CONFIG = 'tokenizer_config.json';
const SPECIAL_TOKENS = 'special_tokens_map.json';
const ADDED_TOKENS = 'added_tokens.json';
const GENERATION = 'generation_config.json';
const TEMPLATE = 'chat_template.jinja';
const TEMPLATE_JSON = 'chat_template.json';
const MORE_TEMPLATES = 'additional_chat_templates';
/** T5 calls its pieces so. */
const SENTENCE_PIECES = ['tokenizer.model', 'spiece.model'];

/** A word that a tokenizer finds in the text before anything else. */
export interface AddedToken {
  readonly content: string;
  /** It steers the model and is no text. */
  readonly special: boolean;
}

/** A chat template under its name; models have one, called default, or several for different uses. */
export interface ChatTemplate {
  readonly name: string;
  readonly template: string;
}

/** What a published folder says of its tokenizer; fields are empty where a file is not there. */
export interface TokenizerFolder {
  /** tokenizer.json, or what older files say, in its words; null = it has neither. */
  readonly tokenizer: Fields | null;
  readonly pieces: SentencePieces | null;
  /** tokenizer_config.json, with what only special_tokens_map.json says. */
  readonly config: Fields;
  /** config.json, of a model of several kinds of input that of its text. */
  readonly model: Fields;
  readonly generation: Fields;
  /** By their ids, of all files. */
  readonly added: ReadonlyMap<number, AddedToken>;
  readonly templates: readonly ChatTemplate[];
}

/** @returns those that a published folder has, its chat templates included, as paths. */
export function tokenizerFiles(folder: string): string[] {
  const names = [TOKENIZER, TOKENIZER_CONFIG, ...SENTENCE_PIECES, ...SLOW_FILES];
  const present = [...names, SPECIAL_TOKENS, ADDED_TOKENS, GENERATION, TEMPLATE, TEMPLATE_JSON]
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path));
  return [...present, ...templateFiles(folder)];
}

/** Those beside the first. */
function templateFiles(folder: string): string[] {
  const more = join(folder, MORE_TEMPLATES);
  const names = existsSync(more) ? readdirSync(more).filter((name) => name.endsWith('.jinja')) : [];
  return names.sort().map((name) => join(more, name));
}

/**
 * @returns the tokenizer and the template of a published folder.
 * @throws FormatError for a file that is no JSON.
 */
export function tokenizerOf(folder: string): Pick<ModelDetails, 'tokenizer' | 'chatTemplate'> {
  const config = fieldsIn(folder, TOKENIZER_CONFIG);
  const kind = textIn(fieldsOf(fieldsIn(folder, TOKENIZER).model), 'type');
  const templates = templatesOf(folder, config);
  const shown = templates.find(({ name }) => name === 'default') ?? templates[0];
  return {
    tokenizer: kind ?? (sentencePieces(folder) === null ? null : 'SentencePiece'),
    chatTemplate: shown?.template ?? null,
  };
}

/** @throws FormatError for a file that is damaged. */
export function readTokenizerFolder(folder: string): TokenizerFolder {
  const config = { ...fieldsIn(folder, SPECIAL_TOKENS), ...known(fieldsIn(folder, TOKENIZER_CONFIG)) };
  const model = fieldsIn(folder, CONFIG);
  const pieces = sentencePieces(folder);
  const added = new Map<number, AddedToken>();
  const tokenizer = hasFile(folder, TOKENIZER) ? fieldsIn(folder, TOKENIZER) : fromSlowFiles(folder, config);
  for (const [content, id] of Object.entries(fieldsIn(folder, ADDED_TOKENS)))
    added.set(Number(id), { content, special: false });
  for (const token of listIn(tokenizer ?? {}, 'added_tokens')) note(added, fieldsOf(token).id, token);
  for (const [id, token] of Object.entries(fieldsOf(config.added_tokens_decoder))) note(added, id, token);
  return {
    tokenizer,
    pieces:
      pieces === null
        ? null
        : readSentencePieces(readBounded(pieces, MOST_BYTES.vocabulary), basename(pieces)),
    config,
    model: { ...model, ...fieldsOf(model.text_config) },
    generation: fieldsIn(folder, GENERATION),
    added,
    templates: templatesOf(folder, config),
  };
}

function note(added: Map<number, AddedToken>, id: unknown, token: unknown): void {
  const content = contentOf(token);
  if (content === null || !Number.isSafeInteger(Number(id)))
    throw new FormatError(
      `an added token of ${TOKENIZER} or ${TOKENIZER_CONFIG} has no content or no id`,
      'Get the file again.',
    );
  added.set(Number(id), { content, special: fieldsOf(token).special === true });
}

function templatesOf(folder: string, config: Fields): ChatTemplate[] {
  const text = (path: string) => readBounded(path, MOST_BYTES.template).toString('utf8');
  if (hasFile(folder, TEMPLATE)) {
    const others = templateFiles(folder).map((path) => ({
      name: basename(path, '.jinja'),
      template: text(path),
    }));
    return [{ name: 'default', template: text(join(folder, TEMPLATE)) }, ...others];
  }
  const written = fieldsIn(folder, TEMPLATE_JSON).chat_template ?? config.chat_template;
  if (typeof written === 'string') return [{ name: 'default', template: written }];
  return listIn({ written }, 'written').flatMap((entry) => {
    const { name, template } = fieldsOf(entry);
    return typeof name === 'string' && typeof template === 'string' ? [{ name, template }] : [];
  });
}

function sentencePieces(folder: string): string | null {
  return SENTENCE_PIECES.map((name) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}

const hasFile = (folder: string, name: string) => existsSync(join(folder, name));
const fieldsIn = (folder: string, name: string): Fields =>
  fieldsOf(hasFile(folder, name) ? readJson(join(folder, name), MOST_BYTES.vocabulary) : null);
/** What is null says nothing. */
const known = (fields: Fields) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
