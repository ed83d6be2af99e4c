import { createHash } from 'node:crypto';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import type { Tokenizer } from '../../core/serving/tokenizer.js';

/**
 * Without a tokenizer, words are used in place of tokens; in most vocabularies each of these is one token.
 */
const COMMON =
  'the of and to in is that it was for on as with he be at by had not are but from or have an they which one you were all her she there would their we him been has when who will no more if out so up said what its about than into them can only other time new some could these two may first then do any like my now over such our man me even most made after also did many before must through years where much your way well down should because each just those people how too little state good very make world still own see men work long here between both life being under never day same another know while last might us great old year off come since against go came right used take three';

/** Number of words of a vocabulary that are kept, enough for texts without much repetition. */
const WORDS = 4096;
/** Number of tokens drawn to find these words; some are drawn more than once. */
const TRIES = 24_000;
/** With fewer words than this, texts would repeat themselves too much. */
const FEWEST_WORDS = 64;
/** The most rounds of correcting a text; one or two are usually enough. */
const REPAIRS = 50;

/** A text and its number of tokens; null = not counted, and it has that many words. */
export interface Text {
  readonly text: string;
  readonly tokens: number | null;
}

/**
 * Makes texts of a given number of tokens from seeded random words, each a token of the vocabulary, so that
 * prompts use all of it. The text is then tokenized and corrected until the count is right.
 */
export class TextMaker {
  readonly #tokenizer: Tokenizer | null;
  readonly #words: readonly string[];

  constructor(tokenizer: Tokenizer | null) {
    this.#tokenizer = tokenizer;
    const common = COMMON.split(' ');
    const own = tokenizer === null ? common : wordsOf(tokenizer);
    this.#words = own.length < FEWEST_WORDS ? common : own;
  }

  /** @returns so many random words, the same for the same key. */
  words(count: number, key: string): string[] {
    const random = randomOf(key);
    return Array.from({ length: count }, () => this.#draw(random));
  }

  /**
   * @returns a text that begins with these words and has the given number of tokens.
   * @param key seed of the words that are added.
   */
  textOf(words: readonly string[], tokens: number, key: string): Text {
    const tokenizer = this.#tokenizer;
    if (tokenizer === null) return { text: words.slice(0, tokens).join(' '), tokens: null };
    const random = randomOf(key);
    const taken = words.slice(0, tokens);
    for (let round = 0; ; round++) {
      const text = taken.join(' ');
      const count = tokenizer.tokenize(text).length;
      if (count === tokens || round === REPAIRS) return { text, tokens: count };
      // A text is corrected at its end, so that a shared prefix is kept.
      const less = Math.max(1, Math.floor((count - tokens) / 2));
      if (count > tokens) taken.length = Math.max(1, taken.length - less);
      else for (let missing = count; missing < tokens; missing++) taken.push(this.#draw(random));
    }
  }

  #draw(random: RandomGenerator): string {
    return this.#words[uniformInt(random, 0, this.#words.length - 1)]!;
  }
}

/**
 * Seeded by the whole digest of a key, because with seeds of 32 bits some of a million prompts would be
 * equal.
 */
function randomOf(key: string): RandomGenerator {
  const digest = createHash('sha256').update(key).digest();
  return xoroshiro128plusFromState([0, 4, 8, 12].map((at) => digest.readInt32LE(at)));
}

/**
 * The words are cached, because finding them takes a second, and requests are made several times in a trial,
 * for warm-up, load and audit.
 */
const found = new WeakMap<Tokenizer, readonly string[]>();

/** @returns words that are one token each after a blank. */
function wordsOf(tokenizer: Tokenizer): readonly string[] {
  const known = found.get(tokenizer);
  if (known !== undefined) return known;
  const random = xoroshiro128plus(1);
  const anchor = tokenizer.tokenize('a');
  const anchorText = tokenizer.detokenize(anchor);
  const words = new Set<string>();
  const tried = new Set<number>();
  for (let i = 0; i < TRIES && words.size < WORDS; i++) {
    const token = uniformInt(random, 0, tokenizer.size - 1);
    if (tried.has(token)) continue;
    tried.add(token);
    const text = tokenizer.detokenize(Int32Array.of(...anchor, token)).slice(anchorText.length);
    if (!/^ \p{L}{2,}$/u.test(text)) continue;
    if (tokenizer.tokenize(`a${text}${text}`).length === anchor.length + 2) words.add(text.slice(1));
  }
  const all = [...words];
  found.set(tokenizer, all);
  return all;
}
