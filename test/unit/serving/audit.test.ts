import { describe, expect, test } from 'vitest';
import { auditCaches, firstTokensKnown } from '../../../core/serving/audit.js';
import { pairedSigns } from '../../../statistics/significance.js';
import { answered } from '../../support/requests.js';

/** Pairs with these times to the first token and per token, first and again. */
function pairs(count: number, fresh: [ttft: number, tpot: number], again: [ttft: number, tpot: number]) {
  return Array.from({ length: 2 * count }, (_, index) => {
    const [ttft, tpot] = index % 2 === 0 ? fresh : again;
    // Prompts differ, and so do their times.
    const slower = 1 + Math.floor(index / 2) / 50;
    return answered({
      index,
      intended: index,
      dispatched: index,
      ttft: ttft * slower,
      tpot: tpot * slower,
      chunks: Array<number>(16).fill(1),
    });
  });
}

describe('prompts that are asked twice', () => {
  test('tell a cache of prefixes from one of answers, and from none', () => {
    const cached = (requests: ReturnType<typeof pairs>) => {
      const { firstToken, decode } = auditCaches(requests);
      return [firstToken?.cached, decode?.cached];
    };
    expect(cached(pairs(8, [0.1, 0.01], [0.1, 0.01]))).toEqual([false, false]);
    expect(cached(pairs(8, [0.1, 0.01], [0.02, 0.01]))).toEqual([true, false]);
    expect(cached(pairs(8, [0.1, 0.01], [0.02, 0.001]))).toEqual([true, true]);
    // 5 % is within what the audit allows, and seven pairs show nothing for sure.
    expect(cached(pairs(8, [0.1, 0.01], [0.095, 0.0095]))).toEqual([false, false]);
    expect(cached(pairs(7, [0.1, 0.01], [0.02, 0.001]))).toEqual([false, false]);
    expect(auditCaches([])).toEqual({ pairs: 0, firstToken: null, decode: null });
  });

  test('tell a run that the server knew from one that it did not, however busy it was', () => {
    const audit = pairs(8, [0.1, 0.01], [0.02, 0.01]);
    const run = (ttft: number, promptTokens = 100) =>
      pairs(16, [ttft, 0.01], [ttft, 0.01]).map((one) => ({ ...one, promptTokens }));
    const known = (ttft: number, shared = 0) => firstTokensKnown(run(ttft), audit, shared) !== null;
    expect(firstTokensKnown(run(0.02), audit, 0)).toMatchObject({
      pairs: 8,
      run: { saved: expect.closeTo(0.81, 2), p: 1 / 256 },
      again: { saved: expect.closeTo(0.8, 2) },
    });
    // Four at once that were known still come before a new one alone; new ones come later, the more there
    // are.
    expect([0.04, 0.1, 0.4].map((ttft) => known(ttft))).toEqual([true, false, false]);
    // A third sooner is what a clock may do that has gone up.
    expect(known(0.07)).toBe(false);
    // Of prompts that share four fifths, a fifth has to be read.
    expect([known(0.02, 0.8), known(0.005, 0.8)]).toEqual([false, true]);
    // Shorter prompts say nothing, and neither does a server that keeps none.
    expect(firstTokensKnown(run(0.02, 50), audit, 0)).toBeNull();
    expect(firstTokensKnown(run(0.02), pairs(8, [0.1, 0.01], [0.1, 0.01]), 0)).toBeNull();
  });

  test('give exact chances', () => {
    expect(pairedSigns([1, 1, 1])).toBe(1 / 8);
    expect(pairedSigns([3, -1])).toBe(2 / 4);
    expect(pairedSigns([0, 0])).toBe(1);
    expect(pairedSigns(Array<number>(8).fill(0.1))).toBe(1 / 256);
    expect(pairedSigns([])).toBeNull();
  });
});
