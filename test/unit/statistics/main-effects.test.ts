import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interactions, mainEffects } from '../../../statistics/main-effects.js';
import { forAll } from '../../support/for-all.js';

/** Every combination of levels, so many times each, as columns. */
function grid(levels: readonly number[], times = 1): number[][] {
  const count = levels.reduce((product, size) => product * size, times);
  let stride = 1;
  return levels.map((size) => {
    const own = Array.from({ length: count }, (_, i) => Math.floor(i / stride) % size);
    stride *= size;
    return own;
  });
}

describe('main effects', () => {
  test('of a balanced additive truth are the variances of the effects over the whole', () => {
    const [a = [], b = [], c = []] = grid([2, 4, 3]);
    const effects = [
      [0, 6],
      [0, 1, 2, 3],
      [5, 5, 5],
    ];
    const values = a.map((level, i) => 100 + effects[0]![level]! + effects[1]![b[i]!]! + effects[2]![c[i]!]!);
    const found = mainEffects(values, [a, b, c])!;
    // Population variances: 9 of {0, 6}, 1.25 of {0, 1, 2, 3}.
    expect(found.shares[0]).toBeCloseTo(9 / 10.25, 10);
    expect(found.shares[1]).toBeCloseTo(1.25 / 10.25, 10);
    expect(found.shares[2]).toBeCloseTo(0, 10);
    expect(found.together).toBeCloseTo(1, 10);
    expect(found.chance).toEqual([1 / 23, 3 / 23, 2 / 23]);
  });

  test('of a pure interaction are none', () => {
    const [a = [], b = []] = grid([2, 2], 3);
    const found = mainEffects(
      a.map((level, i) => (level === b[i] ? 1 : 2)),
      [a, b],
    )!;
    expect(found.together).toBeCloseTo(0, 10);
    expect(found.shares.every((share) => share < 1e-10)).toBe(true);
  });

  test('that pair of axes has all of it, and pairs of an additive truth nothing', () => {
    const [a = [], b = [], c = []] = grid([2, 3, 2], 4);
    const together = a.map((level, i) => (level === b[i]! % 2 ? 1 : 2));
    const found = interactions(together, [a, b, c]);
    expect(found.map(({ pair }) => pair)).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
    const additive = mainEffects(together, [a, b, c])!.together;
    expect(found[0]!.share).toBeCloseTo(1 - additive, 10);
    expect(found[1]!.share).toBeCloseTo(0, 10);
    expect(found[2]!.share).toBeCloseTo(0, 10);
    expect(found[0]!.chance).toBeCloseTo(2 / 47, 10);
    const apart = a.map((level, i) => 3 * level + b[i]! - c[i]!);
    for (const { share } of interactions(apart, [a, b, c])) expect(share).toBeCloseTo(0, 10);
    expect(interactions(apart.slice(0, 6), [a.slice(0, 6), b.slice(0, 6)])).toEqual([]);
  });

  test('of factors that always move together are the same, and half of what one alone has', () => {
    const a = [0, 0, 0, 0, 1, 1, 1, 1];
    const values = [1, 2, 1, 2, 5, 6, 5, 6];
    const alone = mainEffects(values, [a])!.shares[0]!;
    const { shares, together } = mainEffects(values, [a, a.map((level) => `x${level}`)])!;
    expect(shares[0]).toBeCloseTo(alone / 2, 10);
    expect(shares[1]).toBeCloseTo(alone / 2, 10);
    expect(together).toBeCloseTo(alone, 10);
  });

  test('of an unbalanced design are the mean over both orders, worked out by hand', () => {
    // y = 4a exactly; b is 1 in three of four runs with a = 1, and in one of four with a = 0: phi = 0.5, so
    // R²(b) = 0.25.
    const a = [0, 0, 0, 0, 1, 1, 1, 1];
    const b = [0, 0, 0, 1, 0, 1, 1, 1];
    const { shares, together } = mainEffects(
      a.map((level) => 4 * level),
      [a, b],
    )!;
    // a: (R²(a) + R²(a, b) − R²(b)) / 2 = (1 + 1 − 0.25) / 2; b: (0.25 + 1 − 1) / 2.
    expect(shares[0]).toBeCloseTo(0.875, 10);
    expect(shares[1]).toBeCloseTo(0.125, 10);
    expect(together).toBeCloseTo(1, 10);
  });

  test('of any design add up to the additive model, whatever unit and order', () => {
    const run = fc.tuple(
      fc.integer({ min: 0, max: 2 }),
      fc.integer({ min: 0, max: 1 }),
      fc.integer({ min: 0, max: 1 }),
      fc.double({ min: 1, max: 100, noNaN: true }),
    );
    forAll(100, [fc.array(run, { minLength: 12, maxLength: 40 })], (runs) => {
      const values = runs.map(([, , , value]) => value);
      const factors = [0, 1, 2].map((k) => runs.map((one) => one[k]));
      const found = mainEffects(values, factors);
      if (found === null) return;
      const sum = found.shares.reduce((total, share) => total + share, 0);
      expect(sum).toBeCloseTo(found.together, 6);
      expect(found.together).toBeLessThanOrEqual(1);
      const turned = mainEffects(
        values.map((value) => 1000 * value),
        factors.toReversed(),
      )!;
      for (const [k, share] of turned.shares.toReversed().entries())
        expect(share).toBeCloseTo(found.shares[k]!, 6);
    });
  });

  test('are not told of too few values, too many levels, too many factors, or of what does not vary', () => {
    const [a = [], b = []] = grid([3, 2]);
    const values = [1, 2, 3, 4, 5, 6];
    expect(mainEffects(values, [a, b])).toBeNull();
    expect(mainEffects([...values, ...values], grid([3, 2], 2))).not.toBeNull();
    expect(mainEffects([...values, ...values], [[...Array(12).keys()]])).toBeNull();
    expect(mainEffects([...values, ...values], Array(11).fill(grid([2], 6)[0]))).toBeNull();
    expect(mainEffects(Array(12).fill(0.1 + 0.2), grid([3, 2], 2))).toBeNull();
    expect(mainEffects(values, [])).toBeNull();
  });
});
