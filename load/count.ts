import type { Tokenizer } from '../core/serving/tokenizer.js';
import type { Chunk } from './client.js';

/** Counts the tokens in each chunk of an answer. */
export class ChunkCounter {
  readonly #tokenizer: Tokenizer;
  /** Characters of a token; null = a part of one, such as one byte of several. */
  readonly #lengths = new Map<number, number | null>();
  /**
   * A token that is put before others when they are decoded by themselves, because some vocabularies remove
   * the blank of the first token.
   */
  readonly #anchor: Int32Array;
  readonly #anchorText: string;
  /**
   * Whether the vocabulary puts a blank before a text. Then the first blank of a text that begins with one is
   * left out.
   */
  readonly #addsBlank: boolean;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#anchor = tokenizer.tokenize('a').slice(-1);
    this.#anchorText = tokenizer.detokenize(this.#anchor);
    this.#addsBlank = tokenizer.tokenize(' a').length > tokenizer.tokenize('a').length;
  }

  /**
   * The text of a channel is tokenized as a whole, and each token counts for the chunk in which it begins, so
   * that a token across a boundary counts once.
   */
  count(chunks: readonly Chunk[]): number[] {
    const tokens = chunks.map(() => 0);
    for (const channel of new Set(chunks.map((chunk) => chunk.channel))) {
      const own = [...chunks.keys()].filter((i) => chunks[i]!.channel === channel);
      const text = own.map((i) => chunks[i]!.text).join('');
      let at = 0;
      let end = chunks[own[0]!]!.text.length;
      for (const begin of this.#beginnings(text)) {
        while (begin >= end && at + 1 < own.length) {
          at += 1;
          end += chunks[own[at]!]!.text.length;
        }
        tokens[own[at]!]! += 1;
      }
    }
    return tokens;
  }

  /** @returns where each token of a text begins, in characters. */
  #beginnings(text: string): number[] {
    const tokens = this.#tokenizer.tokenize(this.#addsBlank && text.startsWith(' ') ? text.slice(1) : text);
    const beginnings: number[] = [];
    let at = 0;
    for (let i = 0; i < tokens.length; ) {
      let next = i + 1;
      let length = this.#lengthOf(tokens[i]!);
      // Tokens that form a character only together begin at the same place, because no server can send a part
      // of a character.
      while (length === null && next < tokens.length && next - i < LONGEST_CHARACTER) {
        next += 1;
        length = this.#lengthOfAll(tokens.subarray(i, next));
      }
      for (let k = i; k < next; k++) beginnings.push(at);
      at += length ?? 1;
      i = next;
    }
    // A blank that the vocabulary puts before a text is not one of its characters.
    const extra = at - text.length;
    if (extra === 0) return beginnings;
    if (extra === 1) {
      const moved = beginnings.map((begin) => Math.max(0, begin - 1));
      // If that blank is a token by itself, it is no token of the answer.
      return this.#lengthOf(tokens[0]!) === 1 && !text.startsWith(' ') ? moved.slice(1) : moved;
    }
    // Other vocabularies change texts as they read them (Unicode's normal forms, capitals), so boundaries are
    // placed in proportion to length.
    return beginnings.map((begin) => (begin * text.length) / at);
  }

  #lengthOf(token: number): number | null {
    const known = this.#lengths.get(token);
    const length = known === undefined ? this.#lengthOfAll(Int32Array.of(token)) : known;
    this.#lengths.set(token, length);
    return length;
  }

  #lengthOfAll(tokens: Int32Array): number | null {
    const text = this.#tokenizer.detokenize(Int32Array.of(...this.#anchor, ...tokens));
    const own = text.slice(this.#anchorText.length);
    return own.includes('\uFFFD') ? null : own.length;
  }
}

/**
 * The most tokens that one character may be divided into. Emoji of several parts are several characters, of
 * at most four bytes each.
 */
const LONGEST_CHARACTER = 8;

/**
 * @returns tokens of each chunk, if the server reported the count so far with each; they add up to the
 *   highest count reported. Null if it did not.
 */
export function chunkCounts(chunks: readonly Chunk[]): number[] | null {
  const until = chunks.map(({ countedUntilHere }) => countedUntilHere);
  if (until.some((count) => count === null)) return null;
  let most = 0;
  return until.map((count) => {
    const more = Math.max(0, count! - most);
    most += more;
    return more;
  });
}

/**
 * Distributes the total that a server counted over the chunks that it sent, by the length of their texts;
 * each gets 1 if there are as many chunks as tokens.
 * @returns tokens of each chunk, which add up to the total.
 */
export function spread(total: number, chunks: readonly Chunk[]): number[] {
  const characters = chunks.reduce((sum, { text }) => sum + text.length, 0);
  if (total === chunks.length) return chunks.map(() => 1);
  let before = 0;
  let given = 0;
  return chunks.map(({ text }, i) => {
    before += text.length;
    // Every chunk with text gets at least one token, as long as there are enough.
    const fair = Math.round((total * before) / characters);
    const least = Math.min(given + 1, total);
    const most = Math.max(least, total - (chunks.length - 1 - i));
    const until = i === chunks.length - 1 ? total : Math.min(most, Math.max(least, fair));
    const tokens = until - given;
    given = until;
    return tokens;
  });
}
