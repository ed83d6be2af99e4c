import { FormatError } from '../format.js';
import type { GgufValue } from '../gguf/value.js';
import { VOCABULARY_KINDS } from './kinds.js';
import { postProcessor, writtenRoles } from './special-tokens.js';
import { TOKEN_TYPES, type WrittenVocabulary } from './vocabulary.js';

/** A tokenizer as transformers reads it. */
export interface PublishedTokenizer {
  /** What is in its files, by their names. */
  readonly files: ReadonlyMap<string, string>;
  /**
   * Ids of the tokens that steer, by transformers' names: what config.json and generation_config.json say of
   * them.
   */
  readonly roles: ReadonlyMap<string, number>;
}

const COPY = 'Name the folder of the model that it was made of: its tokenizer is copied.';

/**
 * Writes the tokenizer of a GGUF file as transformers reads it, the inverse of `ggufTokenizer`:
 * tokenizer.json, tokenizer_config.json and the chat templates.
 * @param metadata all keys that begin with `tokenizer.`.
 * @throws FormatError for a vocabulary that tokenizer.json has no words for, or whose rules the file does not
 *   hold.
 */
export function publishedTokenizer(metadata: ReadonlyMap<string, GgufValue>): PublishedTokenizer {
  const name = textOf(metadata, 'tokenizer.ggml.model');
  const kind = VOCABULARY_KINDS.find(({ model }) => model === name);
  if (kind === undefined)
    throw new FormatError(
      name === null
        ? 'it has no tokenizer'
        : `its vocabulary is of the kind ${name}, of which no tokenizer.json is made`,
      COPY,
    );
  const vocabulary = vocabularyOf(metadata);
  const texts = vocabulary.tokens.map(({ text }) => text);
  const roles = writtenRoles(metadata, texts.length);
  const adds = kind.adds(vocabulary.pre);
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    ...kind.publish(vocabulary),
    post_processor: postProcessor(texts, roles, {
      bos: vocabulary.flag('add_bos_token') ?? adds.bos,
      eos: vocabulary.flag('add_eos_token') ?? adds.eos,
      sep: vocabulary.flag('add_sep_token') === true,
    }),
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    ...Object.fromEntries([...roles].map(([role, id]) => [`${role}_token`, texts[id]])),
  };
  const files = new Map([
    ['tokenizer.json', `${JSON.stringify(tokenizer)}\n`],
    ['tokenizer_config.json', `${JSON.stringify(config, null, 2)}\n`],
  ]);
  const template = textOf(metadata, 'tokenizer.chat_template');
  if (template !== null) files.set('chat_template.jinja', template);
  for (const other of listOf(metadata, 'tokenizer.chat_templates').map(String)) {
    const more = textOf(metadata, `tokenizer.chat_template.${other}`);
    if (more !== null && /^\w+$/.test(other)) files.set(`additional_chat_templates/${other}.jinja`, more);
  }
  return { files, roles };
}

/** Tokens that are found before text is cut. */
function addedTokens({ tokens }: WrittenVocabulary): unknown[] {
  const plain: readonly number[] = [TOKEN_TYPES.normal, TOKEN_TYPES.byte, TOKEN_TYPES.unused];
  return tokens.flatMap(({ text, type }, id) => {
    if (plain.includes(type)) return [];
    const special = type !== TOKEN_TYPES.userDefined;
    return {
      id,
      content: text,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special,
    };
  });
}

function vocabularyOf(metadata: ReadonlyMap<string, GgufValue>): WrittenVocabulary {
  const list = (key: string) => listOf(metadata, `tokenizer.ggml.${key}`);
  const [types, scores] = [list('token_type'), list('scores')];
  const tokens = list('tokens').map((text, id) => ({
    text: String(text),
    type: Number(types[id] ?? TOKEN_TYPES.normal),
    score: Number(scores[id] ?? 0),
  }));
  const unknown = tokens.findIndex(({ type }) => type === TOKEN_TYPES.unknown);
  return {
    tokens,
    pre: textOf(metadata, 'tokenizer.ggml.pre') ?? 'default',
    merges: list('merges').map(String),
    flag: (key) => {
      const value = metadata.get(`tokenizer.ggml.${key}`);
      return value?.type === 'bool' ? value.value === true : null;
    },
    charsMap: Uint8Array.from(list('precompiled_charsmap').map(Number)),
    unknown: writtenRoles(metadata, tokens.length).get('unk') ?? (unknown < 0 ? null : unknown),
  };
}

function textOf(metadata: ReadonlyMap<string, GgufValue>, key: string): string | null {
  const value = metadata.get(key);
  return value?.type === 'string' ? String(value.value) : null;
}

function listOf(metadata: ReadonlyMap<string, GgufValue>, key: string) {
  const value = metadata.get(key);
  return value?.type === 'array' ? value.values : [];
}
