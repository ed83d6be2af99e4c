import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DivergenceSums } from '../../../core/quality/divergence.js';
import { logProbability, logSumExp, mostLikely } from '../../../core/quality/likelihood.js';
import { chosen } from '../../../core/quality/multiple-choice.js';
import { Moments, perplexityOf } from '../../../core/quality/perplexity.js';
import { retention, scoreOf } from '../../../core/quality/scores.js';
import { type Window, windowsOf } from '../../../core/quality/windows.js';
import { stddev } from '../../../statistics/summary.js';
import { forAll } from '../../support/for-all.js';

const row = fc.array(fc.float({ min: -30, max: 30, noNaN: true }), { minLength: 5, maxLength: 5 });

/** Predictions of a window that are scored. */
const scoredOf = ({ length, firstScored }: Window) => length - 1 - firstScored;

test('likelihood: probabilities add up to one, and large logits do not overflow', () => {
  const logits = Float32Array.of(1000, 999, -1000, 3);
  const total = [0, 1, 2, 3].reduce((sum, token) => sum + Math.exp(logProbability(logits, token)), 0);
  expect(total).toBeCloseTo(1, 6);
  expect(logSumExp(Float32Array.of(0, 0, 0, 0))).toBeCloseTo(Math.log(4), 12);
  expect(mostLikely(Float32Array.of(1, 5, 5, 2))).toBe(1);
  expect(logSumExp(Float32Array.of(0, Number.NaN))).toBeNaN();
});

describe('perplexity', () => {
  test('a uniform model is as perplexed as it has choices, without an error', () => {
    const losses = new Moments();
    for (let i = 0; i < 50; i++) losses.add(Math.log(32));
    expect(perplexityOf(losses).value).toBeCloseTo(32, 9);
    expect(perplexityOf(losses).standardError).toBeCloseTo(0, 5);
  });

  test('the error is the sample deviation over √n, times the perplexity', () => {
    const values = [1.5, 2.25, 0.5, 3, 2];
    const losses = new Moments();
    for (const value of values) losses.add(value);
    const found = perplexityOf(losses);
    expect(found.value).toBeCloseTo(Math.exp(1.85), 12);
    expect(found.standardError).toBeCloseTo((Math.exp(1.85) * (stddev(values) ?? 0)) / Math.sqrt(5), 10);
    expect(perplexityOf(new Moments()).standardError).toBeNull();
  });
});

describe('windows', () => {
  const windows = (
    tokens: number,
    context: number,
    scheme: 'llama' | 'dsnot' | 'strided',
    stride: number | null = null,
  ) => {
    const made = windowsOf(tokens, { scheme, context, stride });
    if (typeof made === 'string') throw new Error(made);
    return made;
  };

  test('llama-perplexity scores the second half of chunks: 82 × 255 predictions of 42,367 tokens', () => {
    const made = windows(42_367, 512, 'llama');
    expect(made).toHaveLength(82);
    expect(made.reduce((sum, window) => sum + scoredOf(window), 0)).toBe(20_910);
    expect(made[1]).toEqual({ start: 512, length: 512, firstScored: 256, beginsWithBos: true });
  });

  test('DSnoT scores all but the first token of each window', () => {
    const made = windows(4099, 2048, 'dsnot');
    expect(made).toHaveLength(2);
    expect(scoredOf(made[0]!)).toBe(2047);
    expect(made[0]!.beginsWithBos).toBe(false);
  });

  test('strided windows score every token once after the first window’s start', () => {
    forAll(100, [fc.integer({ min: 4, max: 40 }), fc.nat(200), fc.nat(100)], (context, rest, s) => {
      const stride = 1 + (s % (context - 1));
      const tokens = context + 1 + rest;
      const scored = windows(tokens, context, 'strided', stride).flatMap((window) => {
        expect(window.start + window.length).toBeLessThanOrEqual(tokens);
        expect(scoredOf(window)).toBe(stride);
        return Array.from({ length: stride }, (_, i) => window.start + window.firstScored + 1 + i);
      });
      expect(scored).toEqual(scored.map((_, i) => context - stride + i));
    });
  });

  test('a text shorter than it needs is refused in words', () => {
    expect(windowsOf(1023, { scheme: 'llama', context: 512, stride: null })).toMatch(
      /1023 tokens.*at least 1024/,
    );
    expect(windowsOf(511, { scheme: 'dsnot', context: 512, stride: null })).toMatch(/at least 512/);
    expect(windowsOf(9999, { scheme: 'strided', context: 64, stride: 64 })).toMatch(/stride is 64/);
    expect(windowsOf(9999, { scheme: 'llama', context: 2.5, stride: null })).toMatch(/context is 2.5/);
  });
});

describe('divergence', () => {
  test('by hand: two coins', () => {
    const sums = new DivergenceSums('exact');
    const coin = (p: number) => Float32Array.of(Math.log(p), Math.log(1 - p));
    sums.add(coin(0.5), coin(0.25), 0);
    sums.add(coin(0.5), coin(0.75), 0);
    const found = sums.result();
    expect(found.kl.value).toBeCloseTo(0.5 * Math.log(4 / 3), 6);
    expect(found.probabilityChange.value).toBeCloseTo(0, 6);
    expect(found.probabilityChangeRms.value).toBeCloseTo(0.25, 6);
    expect(found.probabilityChange.distribution.maximum).toBeCloseTo(0.25, 6);
    expect(found.base.value).toBeCloseTo(2, 6);
    expect(found.perplexityRatio.value).toBeCloseTo(Math.sqrt(4 / 3), 6);
  });

  test('a model against itself: nothing diverges, paired errors are 0', () => {
    forAll(100, [fc.array(row, { minLength: 2, maxLength: 8 })], (rows) => {
      const sums = new DivergenceSums('exact');
      for (const logits of rows) sums.add(Float32Array.from(logits), Float32Array.from(logits), 2);
      const found = sums.result();
      expect(found.kl.value).toBeCloseTo(0, 9);
      expect(found.sameTop).toEqual({ value: 1, standardError: 0 });
      expect(found.logPerplexityRatio.value).toBe(0);
      expect(found.logPerplexityRatio.standardError).toBeCloseTo(0, 6);
    });
  });

  test('KL is not negative, and rounding the base as llama-perplexity does moves it little', () => {
    forAll(100, [row, row], (base, candidate) => {
      const kl = (precision: 'exact' | 'llama') => {
        const sums = new DivergenceSums(precision);
        sums.add(Float32Array.from(base), Float32Array.from(candidate), 0);
        return sums.result().kl.value;
      };
      expect(kl('exact')).toBeGreaterThan(-1e-5);
      // One level is 16/65535 nats; what lies more than 16 nats below the top is lifted to there.
      expect(Math.abs(kl('llama') - kl('exact'))).toBeLessThan(0.01);
    });
  });
});

describe('choices and scores', () => {
  test('length favours the sum; per token and per byte take it out', () => {
    const options = [
      { logProbability: -4, tokens: 1, bytes: 5 },
      { logProbability: -6, tokens: 3, bytes: 6 },
      { logProbability: -8, tokens: 3, bytes: 20 },
    ];
    expect(chosen(options, 'sum')).toBe(0);
    expect(chosen(options, 'perToken')).toBe(1);
    expect(chosen(options, 'perByte')).toBe(2);
  });

  test('groups, spread and the binomial error', () => {
    const item = (language: string | null, value: number) => ({
      groups: language === null ? {} : { language, half: value === 1 ? 'right' : 'wrong' },
      value,
    });
    const found = scoreOf([item('de', 1), item('de', 0), item('fr', 1), item('fr', 1), item(null, 0)]);
    expect(found.value).toBeCloseTo(0.6, 12);
    expect(found.standardError).toBeCloseTo(Math.sqrt((0.6 * 0.4) / 4), 12);
    const [language, half] = found.groupings;
    expect(language?.groups.map(({ group, items, value }) => [group, items, value])).toEqual([
      ['de', 2, 0.5],
      ['fr', 2, 1],
    ]);
    expect(language?.spread).toMatchObject({
      best: 'fr',
      worst: 'de',
      range: { value: 0.5, standardError: 0.5 },
    });
    expect(language?.spread?.stddev).toBeCloseTo(Math.SQRT1_2 / 2, 12);
    expect(half?.groups.map(({ group, items }) => [group, items])).toEqual([
      ['right', 3],
      ['wrong', 1],
    ]);
    // Of one item nothing is known but its score.
    expect(half?.spread?.range).toEqual({ value: 1, standardError: null });
    expect(scoreOf([item('de', 1)]).groupings[0]?.spread).toBeNull();
  });

  test('retention is paired: the same items lost by both cost no error', () => {
    const items = (values: number[]) => values.map((value) => ({ groups: {}, value }));
    const same = retention(items([1, 0, 1, 1]), items([1, 0, 1, 1]));
    expect(same).toEqual({ value: 100, standardError: 0 });
    const less = retention(items([1, 1, 1, 1, 0]), items([1, 1, 1, 0, 0]));
    expect(less?.value).toBeCloseTo(75, 12);
    expect(less?.standardError).toBeGreaterThan(0);
    expect(retention(items([0, 0]), items([1, 0]))).toBeNull();
  });

  test('the error of retention is what resampling the items gives', () => {
    const random = (seed: number) => {
      let state = seed;
      return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
      };
    };
    const draw = random(7);
    const pairs = Array.from({ length: 400 }, () => {
      const base = Number(draw() < 0.7);
      return [base, draw() < 0.85 ? base : Number(draw() < 0.5)] as const;
    });
    const of = (chosen: typeof pairs) =>
      retention(
        chosen.map(([value]) => ({ groups: {}, value })),
        chosen.map(([, value]) => ({ groups: {}, value })),
      )!;
    const again = Array.from(
      { length: 400 },
      () => of(pairs.map(() => pairs[Math.floor(draw() * 400)]!)).value,
    );
    const error = of(pairs).standardError!;
    expect(error / stddev(again)!).toBeGreaterThan(0.85);
    expect(error / stddev(again)!).toBeLessThan(1.15);
  });

  test('each group has what is left of the base on its own items', () => {
    const items = (values: number[]) =>
      values.map((value, i) => ({ groups: { language: i < 2 ? 'de' : 'fr' }, value }));
    const found = scoreOf(items([1, 0, 1, 1]), items([1, 1, 1, 1]));
    expect(found.groupings[0]?.groups.map(({ retentionPercent }) => retentionPercent?.value)).toEqual([
      50, 100,
    ]);
  });
});
