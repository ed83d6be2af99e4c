import { type Fields, fieldsOf, textIn } from '../config-json.js';
import type { GgufValue } from '../gguf/value.js';
import type { TokenizerFolder } from './files.js';
import { normalizersLeftOut } from './normalizers.js';
import { beforeCutting, putsSpace } from './pre-tokenizers.js';
import {
  addedToken,
  modelType,
  placed,
  SPACE,
  scoredPieces,
  TOKEN_TYPES,
  type Token,
  type Vocabulary,
  type VocabularyKind,
} from './vocabulary.js';

const BYTES = 'characters without a piece are one unknown token for llama.cpp and bytes for it';

/** Text is cut into the likeliest pieces: T5, XLM-RoBERTa. */
export const unigram: VocabularyKind = {
  model: 't5',
  claims: (folder) => modelType(folder) === 'Unigram' || folder.pieces?.model === 'unigram',
  read: (folder) =>
    modelType(folder) === 'Unigram' ? ofJson(folder, folder.tokenizer ?? {}) : ofPieces(folder),
  publish({ tokens, flag, charsMap, unknown }) {
    const map = Buffer.from(charsMap).toString('base64');
    const space = {
      replacement: SPACE,
      prepend_scheme: flag('add_space_prefix') === false ? 'never' : 'always',
      split: true,
    };
    return {
      normalizer: {
        type: 'Sequence',
        normalizers: [
          ...(map === '' ? [] : [{ type: 'Precompiled', precompiled_charsmap: map }]),
          ...(flag('remove_extra_whitespaces') === true
            ? [{ type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }]
            : []),
        ],
      },
      pre_tokenizer: { type: 'Metaspace', ...space },
      decoder: { type: 'Metaspace', ...space },
      model: {
        type: 'Unigram',
        unk_id: unknown,
        vocab: tokens.map(({ text, score }) => [text, score]),
        byte_fallback: false,
      },
    };
  },
  adds: () => ({ bos: false, eos: true }),
};

/**
 * The ids of tokenizer.json are those of the weights; those of a SentencePiece model are moved in some
 * models.
 */
function ofJson(folder: TokenizerFolder, tokenizer: Fields): Vocabulary {
  const model = fieldsOf(tokenizer.model);
  const tokens = new Map<number, Token>(
    scoredPieces(model).map(([text, score], id) => [id, { text, score, type: TOKEN_TYPES.normal }]),
  );
  for (const [id, token] of folder.added)
    tokens.set(id, { ...addedToken(token), score: tokens.get(id)?.score ?? 0 });
  const unknown = typeof model.unk_id === 'number' ? model.unk_id : null;
  if (unknown !== null && tokens.has(unknown))
    tokens.set(unknown, { ...tokens.get(unknown)!, type: TOKEN_TYPES.unknown });
  const before = beforeCutting(tokenizer);
  const hasPart = (type: string) => before.some((part) => part.type === type);
  const map = textIn(before.find(({ type }) => type === 'Precompiled') ?? {}, 'precompiled_charsmap');
  return vocabularyOf(folder, tokens, {
    prefix: before.some(putsSpace),
    merged: hasPart('WhitespaceSplit') || hasPart('Replace'),
    map: map === null ? new Uint8Array(0) : Buffer.from(map, 'base64'),
    warnings: [
      ...normalizersLeftOut(tokenizer, ['Precompiled', 'Replace', 'Strip']),
      ...(model.byte_fallback === true ? [BYTES] : []),
    ],
  });
}

function ofPieces(folder: TokenizerFolder): Vocabulary {
  const { pieces, addDummyPrefix, removeExtraWhitespaces, charsMap, byteFallback } = folder.pieces!;
  const tokens = new Map<number, Token>(pieces.entries());
  for (const [id, token] of folder.added) if (!tokens.has(id)) tokens.set(id, addedToken(token));
  return vocabularyOf(folder, tokens, {
    prefix: addDummyPrefix,
    merged: removeExtraWhitespaces,
    map: charsMap,
    warnings: byteFallback ? [BYTES] : [],
  });
}

interface Rules {
  /** A space is put before a text. */
  readonly prefix: boolean;
  /** Spaces that follow a space are dropped. */
  readonly merged: boolean;
  /** SentencePiece's compiled normalization. */
  readonly map: Uint8Array;
  readonly warnings: readonly string[];
}

function vocabularyOf(folder: TokenizerFolder, tokens: ReadonlyMap<number, Token>, rules: Rules): Vocabulary {
  const vocabulary = placed(folder, tokens);
  const more = new Map<string, GgufValue>([
    ['tokenizer.ggml.add_space_prefix', { type: 'bool', value: rules.prefix }],
    ['tokenizer.ggml.remove_extra_whitespaces', { type: 'bool', value: rules.merged }],
  ]);
  if (rules.map.length > 0)
    more.set('tokenizer.ggml.precompiled_charsmap', { type: 'array', of: 'u8', values: [...rules.map] });
  return {
    pre: 'default',
    tokens: vocabulary.tokens,
    scored: true,
    merges: null,
    more,
    warnings: [...vocabulary.warnings, ...rules.warnings],
  };
}
