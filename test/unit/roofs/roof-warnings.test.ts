import { expect, test } from 'vitest';
import { roofsUnderWider } from '../../../roofline/roof-warnings.js';

const peak = (
  arithmetic: 'f64' | 'f32' | 'bf16' | 'int8',
  value: number,
  threads = 2,
  instructions?: string,
) => ({
  arithmetic,
  threads,
  flopsPerSecond: { value },
  instructions,
});

test('a narrower type under a wider one is told with both figures, at the most threads', () => {
  expect(roofsUnderWider([])).toEqual([]);
  expect(roofsUnderWider([peak('f64', 150e9), peak('f32', 305e9), peak('int8', 1200e9)])).toEqual([]);
  // Cascade Lake without the use of its VNNI.
  expect(roofsUnderWider([peak('f32', 305e9, 2, 'avx512f'), peak('int8', 267e9, 2, 'avx2')])).toEqual([
    {
      code: 'under-wider-type',
      message:
        'int8 (267 Gop/s by avx2) is under f32 (305 Gop/s by avx512f) at 2 threads: no instructions for int8 that pay here, or a disturbed measurement; what computes int8 in f32 can run above this roof',
    },
  ]);
  // Repeats differ by as much.
  expect(roofsUnderWider([peak('f32', 305e9), peak('int8', 295e9)])).toEqual([]);
  // Of two units the better counts, and f32 is no wider type of f64.
  expect(
    roofsUnderWider([peak('f64', 100e9), peak('f32', 300e9), peak('bf16', 100e9), peak('bf16', 5e12)]),
  ).toEqual([]);
  expect(
    roofsUnderWider([peak('f32', 100e9, 1), peak('int8', 50e9, 1), peak('f32', 200e9), peak('int8', 400e9)]),
  ).toEqual([]);
});
