import { describe, expect, test } from 'vitest';
import type { Tokenizer } from '../../../core/serving/tokenizer.js';
import type { Chunk } from '../../../load/client.js';
import { ChunkCounter, chunkCounts, spread } from '../../../load/count.js';
import type { Channel } from '../../../load/delta.js';

const about = { name: 'test', digest: 'none', beginToken: null, chat: null };

/** Every byte is a token: characters of several bytes are several tokens that are no text alone. */
const BYTES: Tokenizer = {
  ...about,
  size: 256,
  tokenize: (text) => Int32Array.from(Buffer.from(text)),
  detokenize: (tokens) => Buffer.from(tokens).toString('utf8'),
};

/**
 * Every word is a token with the blank before it, and the first gets one, too, as in SentencePiece's
 * vocabularies.
 */
const known: string[] = [];
const WORDS: Tokenizer = {
  ...about,
  size: 1000,
  tokenize: (text) =>
    Int32Array.from(
      (` ${text}`.match(/ [^ ]*/g) ?? []).map((word) => {
        if (!known.includes(word)) known.push(word);
        return known.indexOf(word);
      }),
    ),
  detokenize: (tokens) =>
    [...tokens]
      .map((token) => known[token])
      .join('')
      .slice(1),
};

const bare = { seconds: 0, channel: 'answer', countedUntilHere: null } as const;
const chunks = (...texts: readonly string[]): Chunk[] => texts.map((text) => ({ ...bare, text }));

describe('tokens of chunks', () => {
  test('count for the chunk in which they begin, each once', () => {
    const counter = new ChunkCounter(WORDS);
    expect(counter.count(chunks('one', ' two three', ' fo', 'ur', ' five'))).toEqual([1, 2, 1, 0, 1]);
    expect(counter.count(chunks(' one', ' two', ' three'))).toEqual([1, 1, 1]);
    expect(counter.count([])).toEqual([]);
  });

  test('a blank that the vocabulary sets before a text and keeps as a token of its own is none of the answer', () => {
    const pieces: string[] = [];
    const brackets: Tokenizer = {
      ...about,
      size: 1000,
      tokenize: (text) =>
        Int32Array.from(
          (` ${text}`.match(/ [a-z]+|[a-z]+|\(| /g) ?? []).map((piece) => {
            if (!pieces.includes(piece)) pieces.push(piece);
            return pieces.indexOf(piece);
          }),
        ),
      detokenize: (tokens) =>
        [...tokens]
          .map((token) => pieces[token])
          .join('')
          .slice(1),
    };
    expect(new ChunkCounter(brackets).count(chunks('(', 'one', ' two'))).toEqual([1, 1, 1]);
    expect(new ChunkCounter(brackets).count(chunks('one', ' two'))).toEqual([1, 1]);
  });

  test('of one character count together', () => {
    const counter = new ChunkCounter(BYTES);
    expect(counter.count(chunks('é', 'ab', '😀', '日本'))).toEqual([2, 2, 4, 6]);
  });

  test('of each channel are counted by its own text', () => {
    const of = (channel: Channel, text: string): Chunk => ({ ...bare, channel, text });
    const mixed = [
      of('reasoning', 'let me'),
      of('answer', 'it'),
      of('reasoning', ' see'),
      of('answer', ' is'),
    ];
    expect(new ChunkCounter(WORDS).count(mixed)).toEqual([2, 1, 1, 1]);
  });

  test('are the sum, where a vocabulary changes the text', () => {
    const shorter: Tokenizer = { ...WORDS, tokenize: (text) => WORDS.tokenize(text.replace(/ +/g, ' ')) };
    const counts = new ChunkCounter(shorter).count(chunks('a', '    b', '    c'));
    expect(counts.reduce((a, b) => a + b, 0)).toBe(3);
  });

  test('that a server counts with each chunk are those', () => {
    const told = (...counts: readonly (number | null)[]) =>
      counts.map((countedUntilHere) => ({ ...bare, text: 'a', countedUntilHere }));
    expect(chunkCounts(told(1, 5, 5, 6))).toEqual([1, 4, 0, 1]);
    expect(chunkCounts(told(1, null, 6))).toBeNull();
  });

  test('that a server counted are spread over its chunks', () => {
    expect(spread(3, chunks('a', 'bb', 'cccc'))).toEqual([1, 1, 1]);
    expect(spread(6, chunks('aa', 'bb', 'cc'))).toEqual([2, 2, 2]);
    expect(spread(8, chunks('a', 'bbbbbbbb', 'c'))).toEqual([1, 6, 1]);
    expect(spread(2, chunks('a', 'b', 'c')).reduce((a, b) => a + b, 0)).toBe(2);
    expect(spread(0, chunks('a'))).toEqual([0]);
    expect(spread(5, [])).toEqual([]);
  });
});
