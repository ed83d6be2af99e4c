import fc from 'fast-check';
import { expect, test } from 'vitest';
import { calibrationWindows } from '../../../core/techniques/calibration-windows.js';
import { summarizeChannels } from '../../../core/techniques/channel-summary.js';
import { forAll } from '../../support/for-all.js';

test('chunks lie side by side from the start', () => {
  expect(calibrationWindows(1100, { sequences: 9, tokens: 500, seed: null })).toEqual([
    { start: 0, length: 500 },
    { start: 500, length: 500 },
  ]);
});

test('random windows stay inside the text and never overlap, whatever the numbers', () => {
  const wish = fc.record({
    sequences: fc.integer({ min: 1, max: 200 }),
    tokens: fc.integer({ min: 2, max: 50 }),
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  });
  forAll(100, [fc.integer({ min: 0, max: 2000 }), wish], (textTokens, asked) => {
    const windows = calibrationWindows(textTokens, asked);
    const room = Math.floor(textTokens / asked.tokens);
    if (typeof windows === 'string') {
      expect(room).toBe(0);
      return;
    }
    expect(windows.length).toBe(Math.min(room, asked.sequences));
    const starts = windows.map(({ start }) => start).sort((a, b) => a - b);
    expect(starts[0]).toBeGreaterThanOrEqual(0);
    expect(starts.at(-1)! + asked.tokens).toBeLessThanOrEqual(textTokens);
    starts.slice(1).forEach((start, i) => {
      expect(start - starts[i]!).toBeGreaterThanOrEqual(asked.tokens);
    });
  });
});

test('another seed chooses other windows', () => {
  const of = (seed: number) => calibrationWindows(100_000, { sequences: 20, tokens: 100, seed });
  expect(of(7)).toEqual(of(7));
  expect(of(7)).not.toEqual(of(8));
});

test('a text that is too short says both numbers', () => {
  expect(calibrationWindows(99, { sequences: 1, tokens: 100, seed: 0 })).toBe(
    'the text has 99 tokens, and a calibration sequence needs 100',
  );
});

test('a summary counts dead channels', () => {
  const zeros = new Float32Array(4);
  const statistics = { sumPerSequence: zeros, variance: zeros, sequences: 1, tokens: 2 };
  expect(summarizeChannels({ ...statistics, squaresPerSequence: Float32Array.of(0, 2, 4, 2) })).toEqual({
    channels: 4,
    meanSquares: 2,
    maxSquares: 4,
    coefficientOfVariation: Math.SQRT1_2,
    deadChannels: 1,
  });
  expect(summarizeChannels({ ...statistics, squaresPerSequence: zeros })).toMatchObject({
    coefficientOfVariation: 0,
    deadChannels: 4,
  });
});
