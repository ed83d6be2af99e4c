import { type Fields, fieldsOf, listIn, textIn } from '../config-json.js';
import { FormatError } from '../format.js';
import type { GgufValue } from '../gguf/value.js';
import type { AddedToken, TokenizerFolder } from './files.js';

/** gguf.h has no names for them; llama.h, enum llama_token_type, and SentencePiece's, which are the same. */
export const TOKEN_TYPES = {
  normal: 1,
  unknown: 2,
  control: 3,
  userDefined: 4,
  unused: 5,
  byte: 6,
} as const;

/** How SentencePiece writes a space. */
export const SPACE = '▁';

/** A token as a file of weights has it. */
export interface Token {
  readonly text: string;
  readonly type: number;
  readonly score: number;
}

/** A vocabulary in ggml’s words. */
export interface Vocabulary {
  /** `tokenizer.ggml.pre`. */
  readonly pre: string;
  readonly tokens: readonly Token[];
  /** Whether the scores are written. */
  readonly scored: boolean;
  /** In their order; null = text is not cut by merging. */
  readonly merges: readonly string[] | null;
  /** What only vocabularies of this kind say. */
  readonly more: ReadonlyMap<string, GgufValue>;
  readonly warnings: readonly string[];
}

/** What a GGUF file says of its vocabulary. */
export interface WrittenVocabulary {
  readonly tokens: readonly Token[];
  /** `tokenizer.ggml.pre`. */
  readonly pre: string;
  readonly merges: readonly string[];
  /** A yes or no under `tokenizer.ggml.`; null where the file does not say it. */
  readonly flag: (key: string) => boolean | null;
  /** SentencePiece's compiled normalization; empty = none. */
  readonly charsMap: Uint8Array;
  /** Of the token for what no other stands for; null = there is none. */
  readonly unknown: number | null;
}

/** A way to cut text: how files of it are known, read and written. */
export interface VocabularyKind {
  /** `tokenizer.ggml.model`. */
  readonly model: string;
  readonly claims: (folder: TokenizerFolder) => boolean;
  /** @throws FormatError */
  readonly read: (folder: TokenizerFolder) => Vocabulary;
  /**
   * @returns what tokenizer.json says of a vocabulary beside its added tokens: the inverse of `read`.
   * @throws FormatError
   */
  readonly publish: (vocabulary: WrittenVocabulary) => Published;
  /** What llama.cpp puts around a text where the file does not say it. */
  readonly adds: (pre: string) => { readonly bos: boolean; readonly eos: boolean };
}

/** Parts of tokenizer.json, in its words. */
export interface Published {
  readonly normalizer: Fields | null;
  readonly pre_tokenizer: Fields | null;
  readonly decoder: Fields | null;
  readonly model: Fields;
}

/** The kind of model that tokenizer.json names; files older than that name have one that shows. */
export function modelType({ tokenizer }: TokenizerFolder): string | null {
  const model = fieldsOf(tokenizer?.model);
  return textIn(model, 'type') ?? (model.merges === undefined ? null : 'BPE');
}

/**
 * The ids of all tokens by their text as published, added ones too.
 * @throws FormatError for ids that are no positions in a vocabulary.
 */
export function publishedIds(folder: TokenizerFolder): Map<string, number> {
  const { vocab } = fieldsOf(folder.tokenizer?.model);
  const ids = new Map<string, number>();
  for (const [id, { text }] of (folder.pieces?.pieces ?? []).entries()) ids.set(text, id);
  if (Array.isArray(vocab))
    for (const [id, [text]] of scoredPieces(fieldsOf(folder.tokenizer?.model)).entries()) ids.set(text, id);
  else for (const [text, id] of Object.entries(fieldsOf(vocab))) ids.set(text, Number(id));
  for (const [id, { content }] of folder.added) ids.set(content, id);
  for (const [text, id] of ids) {
    if (Number.isSafeInteger(id) && id >= 0 && id < MOST_TOKENS) continue;
    throw new FormatError(`its tokenizer gives ${JSON.stringify(text)} the id ${id}`, 'Get the file again.');
  }
  return ids;
}

/**
 * @returns all tokens by their ids, those that were not added without a score.
 * @throws FormatError as `publishedIds` does.
 */
export function publishedTokens(folder: TokenizerFolder): Map<number, Token> {
  return new Map(
    [...publishedIds(folder)].map(([text, id]) => {
      const added = folder.added.get(id);
      return [id, added === undefined ? { text, type: TOKEN_TYPES.normal, score: 0 } : addedToken(added)];
    }),
  );
}

/** As many as gguf's reader takes. */
const MOST_TOKENS = 2 ** 24;

/**
 * Puts tokens where their ids say, as many as the model has rows for; rows without one are unused.
 * @param tokens by their ids.
 */
export function placed(
  folder: TokenizerFolder,
  tokens: ReadonlyMap<number, Token>,
): Pick<Vocabulary, 'tokens' | 'warnings'> {
  const most = [...tokens.keys()].reduce((most, id) => Math.max(most, id), -1) + 1;
  const rows = folder.model.vocab_size ?? most;
  if (typeof rows !== 'number' || !Number.isInteger(rows) || rows <= 0 || rows > MOST_TOKENS)
    throw new FormatError(`vocab_size of its config is ${JSON.stringify(rows)}`, 'Get the file again.');
  const left = [...tokens.keys()].filter((id) => id >= rows).length;
  return {
    tokens: Array.from({ length: rows }, (_, id) => tokens.get(id) ?? unused(id)),
    warnings:
      left === 0 ? [] : [`${left} tokens have ids beyond the ${rows} rows of the model and are left out`],
  };
}

const unused = (id: number): Token => ({ text: `[PAD${id}]`, type: TOKEN_TYPES.unused, score: -10_000 });

/** @returns the tokens by their text with their ids, without those that stand for rows of the model alone. */
export function idsByText(
  { tokens }: WrittenVocabulary,
  textOf = (token: Token) => token.text,
): Record<string, number> {
  // A prototype would have words of its own.
  const ids: Record<string, number> = Object.create(null);
  for (const [id, token] of tokens.entries())
    if (token.type !== TOKEN_TYPES.unused || token.text !== `[PAD${id}]`) ids[textOf(token)] = id;
  return ids;
}

/** An added token in ggml's words: text that is not cut has its spaces as they are. */
export function addedToken({ content, special }: AddedToken): Token {
  if (special || looksSpecial(content)) return { text: content, type: TOKEN_TYPES.control, score: -1000 };
  return { text: content.replaceAll(SPACE, ' '), type: TOKEN_TYPES.userDefined, score: -1000 };
}

/**
 * Some publishers do not mark tokens that steer (llama.cpp's conversion/base.py, does_token_look_special).
 */
function looksSpecial(text: string): boolean {
  if (['<pad>', '<mask>', '<2mass>', '[@BOS@]'].includes(text)) return true;
  return /^<\|.*\|>$|^<｜.*｜>$|^<unused.*>$/s.test(text);
}

/**
 * @returns pieces with their scores, as Unigram has them, in the order of their ids.
 * @throws FormatError for anything else.
 */
export function scoredPieces(model: Fields): (readonly [string, number])[] {
  return listIn(model, 'vocab').map((entry, id) => {
    const [text, score]: unknown[] = Array.isArray(entry) ? entry : [];
    if (typeof text === 'string' && typeof score === 'number') return [text, score] as const;
    throw new FormatError(`its tokenizer has no text and score for the id ${id}`, 'Get the file again.');
  });
}

/**
 * @returns the pairs that a model of tokenizer.json merges, in their order; older files write a pair as one
 *   text.
 */
export function mergePairs(model: Fields): (readonly [string, string])[] {
  return listIn(model, 'merges').map((merge) => {
    if (Array.isArray(merge)) return [String(merge[0]), String(merge[1])];
    return pairIn(String(merge));
  });
}

/** @returns a pair that is written as one text. */
export function pairIn(text: string): readonly [string, string] {
  const space = text.indexOf(' ', 1);
  return [text.slice(0, space), text.slice(space + 1)];
}

/** What tokenizer.json says of every model that merges pairs. */
export const BYTE_PAIRS = {
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
} as const;
