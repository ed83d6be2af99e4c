import { describe, expect, test } from 'vitest';
import { compareWays, turnOf, type Way } from '../../../roofline/turns/turn.js';

const LOADS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Tokens a second by sequences at once. */
const way = (name: string, rate: (sequences: number) => number, most = 1000, spread = 0.1): Way => ({
  name,
  mostSequences: most,
  yieldOf: (sequences) => ({ tokensPerSecond: rate(sequences), spread }),
});

const plain = way('plain', (n) => n);

describe('where one way stops paying', () => {
  // Twice as much alone, as much at 32, half at 512.
  const drafts = way('drafts', (n) => n * 2 * n ** -0.2);

  test('is where the ratio is 1, between the loads that were looked at', () => {
    const { turn, gains } = compareWays(drafts, plain, LOADS);
    expect(turn).toMatchObject({ sequences: 32, begins: 'gain' });
    expect(gains[0]).toMatchObject({ sequences: 1, ratio: 2 });
    // 1.645 · 0.1 of a logarithm that falls by 0.2 an e-fold.
    expect(turn.low! / 32).toBeCloseTo(Math.exp(-0.1645 / 0.2), 1);
    expect(turn.high! / 32).toBeCloseTo(Math.exp(0.1645 / 0.2), 1);
  });

  test('is less sure where the way itself is', () => {
    const { turn } = compareWays(drafts, plain, LOADS, 0.4);
    expect(turn.low).toBeLessThan(compareWays(drafts, plain, LOADS).turn.low!);
    expect(turn.high).toBe(null);
  });

  test('turns the other way round where it begins with a loss', () => {
    const { turn } = compareWays(plain, drafts, LOADS);
    expect(turn).toMatchObject({ sequences: 32, begins: 'loss' });
    expect(turn.low).toBeLessThan(32);
    expect(turn.high).toBeGreaterThan(32);
  });

  test('is at no load where one is always ahead; where that is not sure any more is said', () => {
    const ahead = way('ahead', (n) => n * 2 * n ** -0.1);
    const { turn } = compareWays(ahead, plain, LOADS);
    expect(turn.sequences).toBe(null);
    expect(turn.begins).toBe('gain');
    expect(turn.low).toBeGreaterThan(128);
    expect(
      compareWays(
        way('far ahead', (n) => 3 * n),
        plain,
        LOADS,
      ).turn,
    ).toEqual({
      sequences: null,
      begins: 'gain',
      low: null,
      high: null,
    });
  });

  test('looks no further than both have room for', () => {
    const { gains } = compareWays(
      drafts,
      way('small', (n) => n, 20),
      LOADS,
    );
    expect(gains.map(({ sequences }) => sequences)).toEqual([1, 2, 4, 8, 16, 20]);
    expect(compareWays(drafts, plain, LOADS).gains.at(-1)!.sequences).toBe(256);
  });

  test('is told by most loads where padding makes one jump', () => {
    const gain = (sequences: number, ratio: number) => ({ sequences, ratio, low: ratio, high: ratio });
    const { sequences, begins } = turnOf([
      gain(1, 1.5),
      gain(2, 0.98),
      gain(4, 1.3),
      gain(8, 1.1),
      gain(16, 0.8),
    ]);
    expect(begins).toBe('gain');
    expect(sequences).toBeGreaterThan(8);
    expect(sequences).toBeLessThan(16);
  });
});
