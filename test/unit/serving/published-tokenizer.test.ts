import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openTokenizer } from '../../../agent/runners/tokenizer.js';
import { ChunkCounter } from '../../../agent/serving/count.js';
import { syntheticRequests } from '../../../agent/serving/prompts/synthetic.js';

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
    const order = { count: 5, seed: 1, promptTokens: fixed(50), outputTokens: fixed(5) };
    for (const { prompt } of syntheticRequests(order, tokenizer)) {
      expect(tokenizer.tokenize(prompt as string)).toHaveLength(50);
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
    const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-tokenizer-'));
    expect(await openTokenizer(folder)).toBeNull();
    writeFileSync(join(folder, 'tokenizer.json'), '{');
    await expect(openTokenizer(folder)).rejects.toThrow(/tokenizer\.json cannot be read: /);
    rmSync(folder, { recursive: true });
  });
});
