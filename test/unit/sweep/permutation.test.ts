import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { permute } from '../../../statistics/permutation.js';
import { cases } from '../../support/cases.js';
import { forAll } from '../../support/for-all.js';

const seed = fc.integer({ min: 0, max: 0xffff_ffff });

describe('permute', () => {
  test('is a bijection for every count and seed', () => {
    forAll(100, [fc.integer({ min: 1, max: 400 }), seed], (count, s) => {
      const images = Array.from({ length: count }, (_, i) => permute(i, count, s));
      expect([...images].sort((a, b) => a - b)).toEqual(images.map((_, i) => i));
    });
  });

  test('stays in range where numbers are large', () => {
    const counts = fc.integer({ min: 1, max: 1e15 });
    fc.assert(
      fc.property(
        counts,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        seed,
        (count, share, s) => {
          const index = Math.floor(share * count);
          const image = permute(index, count, s);
          expect(Number.isSafeInteger(image) && image >= 0 && image < count).toBe(true);
        },
      ),
      { numRuns: cases(1000) },
    );
  });

  test('sends every index everywhere equally often over many seeds', () => {
    const count = 12;
    const seeds = 6000;
    const hits = Array.from({ length: count }, () => new Array<number>(count).fill(0));
    for (let s = 0; s < seeds; s++) {
      for (let i = 0; i < count; i++) {
        const row = hits[i]!;
        const image = permute(i, count, s);
        row[image] = row[image]! + 1;
      }
    }
    const expected = seeds / count;
    const chiSquare = hits.flat().reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    // 121 degrees of freedom: mean 121, standard deviation 15.6; 200 is five of them away.
    expect(chiSquare).toBeLessThan(200);
  });

  test('leaves no neighbours together more often than chance does', () => {
    const count = 10_000;
    let together = 0;
    for (let i = 1; i < count; i++) {
      if (Math.abs(permute(i, count, 42) - permute(i - 1, count, 42)) === 1) together += 1;
    }
    // Expected 2 in a random order (2/n per pair); a lattice would give thousands.
    expect(together).toBeLessThan(15);
  });

  test('refuses what is outside', () => {
    expect(() => permute(5, 5, 1)).toThrow(RangeError);
    expect(() => permute(-1, 5, 1)).toThrow(RangeError);
    expect(() => permute(0, 0, 1)).toThrow(RangeError);
    expect(() => permute(0, 2 ** 53, 1)).toThrow(RangeError);
  });
});
