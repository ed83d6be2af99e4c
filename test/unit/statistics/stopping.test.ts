import { describe, expect, test } from 'vitest';
import { shouldStop, warmingUp, warmupSettled } from '../../../statistics/stopping.js';
import { cv } from '../../../statistics/summary.js';

describe('shouldStop', () => {
  const policy = { confidence: 0.95, halfWidth: 0.02, minRepeats: 3, maxRepeats: 10, maxSeconds: 60 };
  const state = (prefill: number[], decode: number[], elapsedSeconds = 1) => ({
    policy,
    samplesByMetric: { prefillTokensPerSecond: prefill, decodeTokensPerSecond: decode },
    elapsedSeconds,
  });
  const steady = (n: number) => Array.from({ length: n }, (_, i) => 100 + (i % 2) * 0.1);
  const wild = (n: number) => Array.from({ length: n }, (_, i) => 100 + (i % 2) * 60);

  test('the worst metric decides, and its half width is told', () => {
    expect(shouldStop(state(steady(3), steady(3))).decision).toBe('interval-narrow');
    const result = shouldStop(state(steady(4), wild(4)));
    expect(result.decision).toBe('continue');
    expect(result.halfWidth!).toBeGreaterThan(0.3);
  });

  test('never before minRepeats, always at maxRepeats', () => {
    expect(shouldStop(state(steady(2), steady(2))).decision).toBe('continue');
    expect(shouldStop(state([], []))).toEqual({ decision: 'continue', halfWidth: null });
    expect(shouldStop(state(wild(10), wild(10))).decision).toBe('max-repeats');
  });

  test('repeats are those that every metric has', () => {
    expect(shouldStop(state(wild(10), wild(4))).decision).toBe('continue');
    expect(shouldStop(state(wild(10), wild(4), 49)).decision).toBe('time-budget');
  });

  test('before the first repeat nothing ends it', () => {
    const before = { ...state([], [], 60), samplesByMetric: {} };
    expect(shouldStop(before)).toEqual({ decision: 'continue', halfWidth: null });
  });

  test('one repeat says nothing about its spread, so it is not narrow enough', () => {
    const one = { ...state([100], [100]), policy: { ...policy, minRepeats: 1 } };
    expect(shouldStop(one)).toEqual({ decision: 'continue', halfWidth: null });
  });

  test('an interval exactly as wide as is asked for is narrow enough', () => {
    const { halfWidth } = shouldStop(state(wild(4), wild(4)));
    const asked = (width: number) =>
      shouldStop({ ...state(wild(4), wild(4)), policy: { ...policy, halfWidth: width } }).decision;
    expect(asked(halfWidth!)).toBe('interval-narrow');
    expect(asked(halfWidth! - 2 ** -50)).toBe('continue');
  });

  test('the budget ends it, also when one more repeat would pass it', () => {
    // Spent to the last second, also before minRepeats; but a repeat there is in any case, and one that just
    // fits is made.
    expect(shouldStop(state(wild(1), wild(1), 60)).decision).toBe('time-budget');
    expect(shouldStop(state([], [], 60)).decision).toBe('continue');
    expect(shouldStop(state(wild(5), wild(5), 50)).decision).toBe('continue');
    expect(shouldStop(state(wild(1), wild(1), 61)).decision).toBe('time-budget');
    expect(shouldStop(state(wild(5), wild(5), 51)).decision).toBe('time-budget');
    expect(shouldStop(state(wild(5), wild(5), 49)).decision).toBe('continue');
    const open = { ...state(wild(5), wild(5), 1e6), policy: { ...policy, maxSeconds: null } };
    expect(shouldStop(open).decision).toBe('continue');
  });
});

describe('warming up', () => {
  const policy = { maxWarmups: 5, warmupSpread: 0.05, maxSeconds: 1 };

  test('goes on until rounds agree, or are as many as allowed', () => {
    expect(warmingUp([], 0, policy)).toEqual({ another: true, settled: false });
    expect(warmingUp([0.1, 0.05], 0.1, policy)).toEqual({ another: true, settled: false });
    expect(warmingUp([0.05, 0.05, 0.05], 0.15, policy)).toEqual({ another: false, settled: true });
    expect(warmingUp([1, 2, 1, 2, 1], 0.1, policy)).toEqual({ another: false, settled: false });
    expect(warmingUp([], 0, { ...policy, maxWarmups: 0 })).toEqual({ another: false, settled: true });
  });

  test('takes at most half of the budget of the repeats, but for its first round', () => {
    expect(warmingUp([0.2], 0.2, policy).another).toBe(true);
    expect(warmingUp([0.25], 0.25, policy).another).toBe(true);
    expect(warmingUp([0.3], 0.3, policy).another).toBe(false);
    expect(warmingUp([], 60, policy).another).toBe(true);
    expect(warmingUp([60], 60, { ...policy, maxSeconds: null }).another).toBe(true);
  });
});

test('the warm-up is settled when the last three rounds are calm', () => {
  expect(warmupSettled([50, 99, 100, 101], 0.02)).toBe(true);
  expect(warmupSettled([50, 99, 100, 101], 0.005)).toBe(false);
  expect(warmupSettled([100, 100], 0.5)).toBe(false);
  // Rounds that measured nothing agree about nothing.
  expect(warmupSettled([0, 0, 0], 0.5)).toBe(false);
  const spread = cv([99, 100, 101])!;
  expect([spread, spread - 2 ** -50].map((most) => warmupSettled([50, 99, 100, 101], most))).toEqual([
    true,
    false,
  ]);
});
