import { describe, expect, test } from 'vitest';
import { readOrder, windowsFromBottom } from '../../../core/ranking/order.js';
import { cutPassage, listwisePrompt } from '../../../core/ranking/prompts.js';

describe('lists', () => {
  test('a hundred candidates in windows of 20 by 10 are nine, from the bottom', () => {
    const slices = windowsFromBottom(100, 20, 10);
    expect(slices).toHaveLength(9);
    expect([slices[0], slices.at(-1)]).toEqual([
      { from: 80, to: 100 },
      { from: 0, to: 20 },
    ]);
    expect(windowsFromBottom(25, 20, 10)).toEqual([
      { from: 5, to: 25 },
      { from: 0, to: 15 },
    ]);
    expect(windowsFromBottom(1, 20, 10)).toEqual([]);
  });

  test('of an answer each name counts once, and what is missing follows in its old order', () => {
    expect(readOrder('[C] > [A] > [C] > [Z] and [B', 4)).toEqual({ order: [2, 0, 1, 3], named: 3 });
    expect(readOrder('I cannot rank', 3)).toEqual({ order: [0, 1, 2], named: 0 });
  });

  test('prompts are those of FIRST, and no passage names another', () => {
    const prompt = listwisePrompt('cats', ['one', 'two']);
    expect(prompt).toContain(
      'I will provide you with 2 passages, each indicated by a alphabetical identifier [].',
    );
    expect(prompt).toContain('\n\n[A] one\n[B] two\nSearch Query: cats.\n');
    expect(cutPassage(' see [B] and\n[12]  now ', 4)).toBe('see (B) and (12)');
  });
});
