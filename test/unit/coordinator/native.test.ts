import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NativeCounts, nativeIndex, spansOf } from '../../../coordinator/exporter/native.js';

const seconds = fc.double({ min: 1e-9, max: 1e6, noNaN: true });

describe('exponential buckets', () => {
  test.each([
    [1, 0],
    [2, 8],
    [0.5, -8],
    [1.0000001, 1],
    [2 ** (1 / 8), 1],
  ])('%d is in bucket %d', (value, index) => {
    expect(nativeIndex(value)).toBe(index);
  });

  test('hold what is above their lower bound and at most their upper one', () => {
    fc.assert(
      fc.property(seconds, (value) => {
        const index = nativeIndex(value);
        expect(value).toBeGreaterThan(2 ** ((index - 1) / 8));
        expect(value).toBeLessThanOrEqual(2 ** (index / 8));
      }),
      { numRuns: 300 },
    );
  });

  test('spans and deltas give back every bucket and its count', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(seconds, fc.constant(0))), (values) => {
        const counts = new NativeCounts();
        counts.observeAll({ node: 'a' }, values);
        const native = counts.of({ node: 'a' });
        const { spans, deltas } = spansOf(native);
        const read: [number, number][] = [];
        let index = 0;
        let count = 0;
        const left = [...deltas];
        for (const { offset, length } of spans) {
          index += offset;
          for (let i = 0; i < length; i += 1, index += 1) {
            count += left.shift() ?? Number.NaN;
            read.push([index, count]);
          }
        }
        expect(read).toEqual(native.counts);
        expect(left).toEqual([]);
        expect(native.zeroCount + read.reduce((sum, [, n]) => sum + n, 0)).toBe(values.length);
      }),
      { numRuns: 300 },
    );
  });

  test('are apart by labels, in whatever order these come', () => {
    const counts = new NativeCounts();
    counts.observeAll({ a: '1', b: '2' }, [1]);
    counts.observeAll({ b: '2', a: '1' }, [1]);
    expect(counts.of({ a: '1', b: '2' }).counts).toEqual([[0, 2]]);
    expect(counts.of({ a: '2', b: '1' }).counts).toEqual([]);
  });
});
