import { basename } from 'node:path';
import { FormatError } from '../format.js';
import type { GgufValue } from '../gguf/value.js';
import { type ChatTemplate, readTokenizerFolder, type TokenizerFolder } from './files.js';
import { VOCABULARY_KINDS } from './kinds.js';
import { requireOpenable } from './openable.js';
import { specialTokens } from './special-tokens.js';
import { modelType } from './vocabulary.js';

/** What a GGUF file says of the tokenizer of a published folder. */
export interface GgufTokenizer {
  /** All keys that begin with `tokenizer.`, in the order in which they are written. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Sentences about what llama.cpp will do differently. */
  readonly warnings: readonly string[];
}

/**
 * Turns the tokenizer of a published folder into the metadata of a GGUF file: its vocabulary with as many
 * tokens as the model has rows, the tokens that steer, and its chat templates.
 * @throws FormatError where it has none, where a file of it is damaged, and for one that llama.cpp has
 *   nothing like or would end on.
 */
export function ggufTokenizer(path: string): GgufTokenizer {
  const folder = readTokenizerFolder(path);
  const kind = VOCABULARY_KINDS.find((one) => one.claims(folder)) ?? refuse(folder);
  const vocabulary = kind.read(folder);
  const { tokens } = vocabulary;
  const special = specialTokens(folder, tokens);
  const metadata = new Map<string, GgufValue>([
    ['tokenizer.ggml.model', { type: 'string', value: kind.model }],
    ['tokenizer.ggml.pre', { type: 'string', value: vocabulary.pre }],
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', values: tokens.map(({ text }) => text) }],
  ]);
  if (vocabulary.scored)
    metadata.set('tokenizer.ggml.scores', {
      type: 'array',
      of: 'f32',
      values: tokens.map(({ score }) => score),
    });
  metadata.set('tokenizer.ggml.token_type', {
    type: 'array',
    of: 'i32',
    values: tokens.map(({ type }) => type),
  });
  if (vocabulary.merges !== null)
    metadata.set('tokenizer.ggml.merges', { type: 'array', of: 'string', values: vocabulary.merges });
  const all = new Map([...metadata, ...vocabulary.more, ...special.metadata, ...templates(folder.templates)]);
  requireOpenable({ name: basename(path), kind, pre: vocabulary.pre, tokens, metadata: all });
  return {
    metadata: all,
    warnings: [...vocabulary.warnings, ...special.warnings],
  };
}

/** The default one under the name that every reader knows, others under their own. */
function* templates(all: readonly ChatTemplate[]): Generator<[string, GgufValue]> {
  const others = all.filter(({ name }) => name !== 'default');
  const named = new Map(others.map(({ name, template }) => [name.replace(/[^A-Za-z0-9]/g, '_'), template]));
  if (named.size > 0)
    yield ['tokenizer.chat_templates', { type: 'array', of: 'string', values: [...named.keys()] }];
  for (const [name, value] of named) yield [`tokenizer.chat_template.${name}`, { type: 'string', value }];
  const first = all.find(({ name }) => name === 'default');
  if (first !== undefined) yield ['tokenizer.chat_template', { type: 'string', value: first.template }];
}

function refuse(folder: TokenizerFolder): never {
  const type = modelType(folder);
  if (type === null)
    throw new FormatError(
      'it has no tokenizer',
      'Put tokenizer.json, tokenizer.model, vocab.json with merges.txt, or vocab.txt beside the weights.',
    );
  throw new FormatError(
    `its tokenizer is of type ${type}, in a form that llama.cpp has no vocabulary for`,
    'Byte-level BPE, SentencePiece, Unigram and WordPiece are written.',
  );
}
