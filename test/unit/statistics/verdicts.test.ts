import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adjustForMany, type CompareOptions } from '../../../core/statistics/compare.js';
import { compareStarts } from '../../../core/statistics/ratio.js';
import { shouldStop, warmingUp, warmupSettled } from '../../../core/statistics/stopping.js';

/** Starts of one reading each, in blocks of their own. */
const compare = (base: readonly number[], candidate: readonly number[], options: CompareOptions = {}) =>
  compareStarts(
    base.map((value) => [[value]]),
    candidate.map((value) => [[value]]),
    options,
  );

describe('compare', () => {
  const base = [100, 101, 99, 100.5, 99.5];

  test('a clear difference is faster or slower, by which way is better', () => {
    const quicker = base.map((v) => v * 1.1);
    const result = compare(base, quicker);
    expect(result.verdict).toBe('faster');
    expect(result.ratio).toBeCloseTo(1.1, 10);
    expect(result.interval![0]).toBeGreaterThan(1.08);
    expect(result.interval![1]).toBeLessThan(1.12);
    expect(compare(base, quicker, { better: 'min' }).verdict).toBe('slower');
    expect(compare(quicker, base).verdict).toBe('slower');
  });

  test('"same" needs an interval inside the indifference zone', () => {
    const tight = Array.from({ length: 8 }, (_, i) => 100 + (i % 2) * 0.1);
    expect(compare(tight, [...tight].reverse()).verdict).toBe('same');
    const loose = compare([90, 110, 100], [92, 111, 99]);
    expect(loose.verdict).toBe('unclear');
    expect(loose.reason).toMatch(/more starts/);
  });

  test('a real but tiny difference is not sold as faster', () => {
    const result = compare([100, 100.001, 99.999], [100.9, 101.1, 101.2, 100.7], { indifference: 0.01 });
    expect(result.p!).toBeLessThan(0.05);
    expect(result.verdict).toBe('unclear');
    expect(result.reason).toMatch(/too small to matter/);
  });

  test('what cannot be compared says why', () => {
    expect(compare([], [1]).reason).toMatch(/no readings/);
    expect(compare([1, 2], [0, 1]).reason).toMatch(/positive/);
    expect(compare([1, 2], [Number.NaN, 1]).reason).toMatch(/finite/);
    const single = compare([100], [110, 111]);
    expect(single).toMatchObject({ verdict: 'unclear', interval: null, p: null });
    expect(single.ratio).toBeCloseTo(1.105, 3);
  });

  test('two constants differ with certainty or not at all', () => {
    expect(compare([5, 5], [5, 5])).toMatchObject({ verdict: 'same', p: 1, interval: [1, 1] });
    expect(compare([5, 5], [6, 6])).toMatchObject({ verdict: 'faster', p: 0 });
  });

  test('swapping the sides inverts ratio and interval', () => {
    const values = fc.array(fc.double({ min: 0.1, max: 1e4, noNaN: true }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(values, values, (a, b) => {
        const [forth, back] = [compare(a, b), compare(b, a)];
        expect(forth.ratio! * back.ratio!).toBeCloseTo(1, 8);
        expect(Math.log(forth.interval![0])).toBeCloseTo(-Math.log(back.interval![1]), 6);
        const mirrored = { faster: 'slower', slower: 'faster', same: 'same', unclear: 'unclear' } as const;
        expect(back.verdict).toBe(mirrored[forth.verdict]);
      }),
      { numRuns: 60 },
    );
  });

  test('read together, a lucky find is withdrawn and a real one stays', () => {
    const lucky = compare([100, 104, 102], [106, 110, 109]);
    const real = compare(
      base,
      base.map((v) => v * 1.2),
    );
    expect(lucky.verdict).toBe('faster');
    const many = adjustForMany([
      real,
      lucky,
      ...Array.from({ length: 8 }, () => compare([90, 110], [110, 90])),
    ]);
    expect(many[0]!.verdict).toBe('faster');
    expect(many[1]!.verdict).toBe('unclear');
    expect(many[1]!.p!).toBeGreaterThan(lucky.p!);
  });
});

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

  test('the budget ends it, also when one more repeat would pass it', () => {
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
    expect(warmingUp([0.3], 0.3, policy).another).toBe(false);
    expect(warmingUp([], 60, policy).another).toBe(true);
    expect(warmingUp([60], 60, { ...policy, maxSeconds: null }).another).toBe(true);
  });
});

test('the warm-up is settled when the last three rounds are calm', () => {
  expect(warmupSettled([50, 99, 100, 101], 0.02)).toBe(true);
  expect(warmupSettled([50, 99, 100, 101], 0.005)).toBe(false);
  expect(warmupSettled([100, 100], 0.5)).toBe(false);
});
