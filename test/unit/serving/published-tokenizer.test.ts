import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openPublishedTokenizer } from '../../../engines/runners/published-tokenizer.js';
import { openTokenizer } from '../../../engines/runners/tokenizer.js';
import { MOST_BYTES } from '../../../formats/bounded-file.js';
import { ChunkCounter } from '../../../load/count.js';
import { syntheticRequests } from '../../../load/prompts/synthetic.js';
import { temporaryFolder } from '../../support/folder.js';

const fixtures = join(import.meta.dirname, '../../fixtures');
const counts: { text: string; tokens: number[] }[] = JSON.parse(
  readFileSync(join(fixtures, 'tokenizer-counts.json'), 'utf8'),
);
const tokenizer = (await openTokenizer(join(fixtures, 'tokenizer')))!;

describe('a published tokenizer', () => {
  test.each(counts)(
    'reads $text as the library in Rust does (test/fixtures/tokenizer.py)',
    ({ text, tokens }) => {
      expect([...tokenizer.tokenize(text)]).toEqual(tokens);
      expect(tokenizer.detokenize(Int32Array.from(tokens))).toBe(text);
    },
  );

  test('makes prompts of so many tokens and counts those of chunks', () => {
    const fixed = (tokens: number) => ({ kind: 'fixed', tokens }) as const;
    const order = { count: 2, seed: 1, salt: 'a', promptTokens: fixed(20), outputTokens: fixed(5) };
    for (const { prompt } of syntheticRequests(order, tokenizer)) {
      expect(tokenizer.tokenize(prompt as string)).toHaveLength(20);
    }
    const chunks = ['naïve', ' café', ' 日本', '語', ' 😀'].map((text) => ({
      seconds: 0,
      channel: 'answer' as const,
      text,
      countedUntilHere: null,
    }));
    const found = new ChunkCounter(tokenizer).count(chunks);
    expect(found.reduce((a, b) => a + b, 0)).toBe(tokenizer.tokenize('naïve café 日本語 😀').length);
    expect(Math.min(...found)).toBeGreaterThan(0);
  });

  test('that is none, or broken', async () => {
    const folder = temporaryFolder();
    expect(await openTokenizer(folder)).toBeNull();
    writeFileSync(join(folder, 'tokenizer.json'), '{');
    await expect(openTokenizer(folder)).rejects.toThrow(/tokenizer\.json cannot be read: /);
  });

  test('whose patterns take for ever, or that is larger than it may be', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'tokenizer.json');
    const published = JSON.parse(readFileSync(join(fixtures, 'tokenizer/tokenizer.json'), 'utf8'));
    const pattern = { Regex: '(?:a+)+$' };
    const split = { type: 'Split', pattern, behavior: 'Isolated', invert: false };
    writeFileSync(path, JSON.stringify({ ...published, pre_tokenizer: split }));
    const slow = openPublishedTokenizer(folder, 0.1)!;
    expect(() => slow.tokenize(`${'a'.repeat(60)}!`)).toThrow(
      /^tokenizer\.json of \S+ takes longer than 1\.1 s$/,
    );
    expect(slow.tokenize('b')).toHaveLength(1);
    truncateSync(path, MOST_BYTES.vocabulary + 1);
    await expect(openTokenizer(folder)).rejects.toThrow(
      'tokenizer.json has 134217729 bytes, and 134217728 are the most it may have',
    );
  });
});
