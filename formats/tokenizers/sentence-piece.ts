import { type Fields, fieldsOf } from '../config-json.js';
import type { GgufValue } from '../gguf/value.js';
import type { TokenizerFolder } from './files.js';
import { normalizersLeftOut } from './normalizers.js';
import { beforeCutting, isByteLevel, putsSpace } from './pre-tokenizers.js';
import {
  addedToken,
  BYTE_PAIRS,
  idsByText,
  mergePairs,
  modelType,
  placed,
  publishedIds,
  SPACE,
  TOKEN_TYPES,
  type Token,
  type VocabularyKind,
} from './vocabulary.js';

/**
 * Pairs of characters are merged over whole texts, the one of the best score first: Llama 2, Mistral, Gemma,
 * Phi-3.
 */
export const sentencePiece: VocabularyKind = {
  model: 'llama',
  claims: (folder) =>
    folder.pieces?.model === 'bpe' ||
    (modelType(folder) === 'BPE' &&
      !isByteLevel(folder.tokenizer ?? {}) &&
      writesSpaces(folder.tokenizer ?? {})),
  read(folder) {
    const tokenizer = folder.tokenizer ?? {};
    const scored = folder.pieces === null ? scoredByMerges(folder, tokenizer) : scoredByPieces(folder);
    const tokens = new Map([
      ...scored.tokens,
      ...[...folder.added].map(([id, token]) => [id, addedToken(token)] as const),
    ]);
    const vocabulary = placed(folder, tokens);
    return {
      pre: 'default',
      tokens: vocabulary.tokens,
      scored: true,
      merges: null,
      more: spacePrefix(folder, tokenizer),
      warnings: [...vocabulary.warnings, ...scored.warnings],
    };
  },
  publish(vocabulary) {
    const { tokens, flag, unknown } = vocabulary;
    const prefix = flag('add_space_prefix') !== false;
    return {
      normalizer: {
        type: 'Sequence',
        normalizers: [
          ...(prefix ? [{ type: 'Prepend', prepend: SPACE }] : []),
          { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
        ],
      },
      pre_tokenizer: null,
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
        ],
      },
      model: {
        ...BYTE_PAIRS,
        unk_token: unknown === null ? null : tokens[unknown]!.text,
        fuse_unk: true,
        byte_fallback: tokens.some(({ type }) => type === TOKEN_TYPES.byte),
        ignore_merges: false,
        vocab: idsByText(vocabulary),
        merges: mergesByScore(tokens),
      },
    };
  },
  adds: () => ({ bos: true, eos: false }),
};

/**
 * The pairs that merge into each token, of the best score first, as transformers writes them: a pair may be
 * merged in any order of its parts that are tokens.
 */
function mergesByScore(tokens: readonly Token[]): (readonly [string, string])[] {
  const ids = new Map(tokens.map(({ text }, id) => [text, id]));
  const pieces = tokens.filter(({ type, text }) => type === TOKEN_TYPES.normal && text.length > 1);
  const merges = pieces.map(({ text, score }) => {
    const letters = [...text];
    const pairs: [string, string][] = [];
    for (let i = 1, left = letters[0]!; i < letters.length; left += letters[i++]!)
      if (ids.has(left) && ids.has(text.slice(left.length))) pairs.push([left, text.slice(left.length)]);
    const order = ([left, right]: [string, string]) => ids.get(left)! * tokens.length + ids.get(right)!;
    return { score, pairs: pairs.sort((a, b) => order(a) - order(b)) };
  });
  return merges.sort((a, b) => b.score - a.score).flatMap(({ pairs }) => pairs);
}

/** Whether a space becomes a letter of its own, as SentencePiece writes it. */
function writesSpaces(tokenizer: Fields): boolean {
  return beforeCutting(tokenizer).some(
    ({ type, content }) => type === 'Metaspace' || (type === 'Replace' && content === SPACE),
  );
}

interface Scored {
  readonly tokens: ReadonlyMap<number, Token>;
  readonly warnings: readonly string[];
}

function scoredByPieces({ pieces }: TokenizerFolder): Scored {
  const { pieces: all, charsMap, removeExtraWhitespaces } = pieces!;
  const warnings: string[] = [];
  if (charsMap.length > 0)
    warnings.push(
      'texts that its normalization rules change are cut as they are: llama.cpp does not apply them',
    );
  if (removeExtraWhitespaces) warnings.push('it drops spaces that follow a space; llama.cpp keeps them');
  return {
    tokens: new Map(
      all.map(({ text, score, type }, id) => {
        const isDefined = type === TOKEN_TYPES.userDefined;
        return [id, { text: isDefined ? text.replaceAll(SPACE, ' ') : text, score, type }];
      }),
    ),
    warnings,
  };
}

/**
 * tokenizer.json has merges where the model has scores: the sooner one is merged, the better. What is written
 * so is what transformers made of the scores, so all ways to merge a token follow each other.
 */
function scoredByMerges(folder: TokenizerFolder, tokenizer: Fields): Scored {
  const ranks = new Map<string, number>();
  let scattered = 0;
  let last = '';
  for (const [rank, pair] of mergePairs(fieldsOf(tokenizer.model)).entries()) {
    const text = pair.join('');
    if (!ranks.has(text)) ranks.set(text, rank);
    else if (last !== text) scattered += 1;
    last = text;
  }
  const tokens = new Map(
    [...publishedIds(folder)].map(([text, id]): [number, Token] => {
      const isByte = /^<0x[0-9A-F]{2}>$/.test(text);
      const score = isByte ? 0 : -(ranks.get(text) ?? 10_000_000);
      return [id, { text, score, type: isByte ? TOKEN_TYPES.byte : TOKEN_TYPES.normal }];
    }),
  );
  const warnings = normalizersLeftOut(tokenizer, ['Prepend', 'Replace']);
  if (scattered > 0)
    warnings.push(
      `${scattered} of its merges do not follow the order of the tokens that they make; llama.cpp merges by token`,
    );
  return { tokens, warnings };
}

/**
 * @returns the key where llama.cpp would not put a space before a text by itself, and where the publisher
 *   says so.
 */
function spacePrefix({ config, pieces }: TokenizerFolder, tokenizer: Fields): Map<string, GgufValue> {
  const stated = typeof config.add_prefix_space === 'boolean' ? config.add_prefix_space : null;
  const components = beforeCutting(tokenizer);
  const prepends = components.some((part) => part.type === 'Prepend' || putsSpace(part));
  const value = stated ?? (components.length > 0 ? prepends : (pieces?.addDummyPrefix ?? true));
  if (value && stated === null) return new Map();
  return new Map([['tokenizer.ggml.add_space_prefix', { type: 'bool', value }]]);
}
