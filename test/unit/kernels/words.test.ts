import { describe, expect, test } from 'vitest';
import { OPS } from '../../../core/kernels/gen/ops.js';
import { shapeOf } from '../../../core/kernels/op.js';
import { findOp, findTypes, findVariants, readShape } from '../../../core/kernels/words.js';
import type { Roofs } from '../../../core/result/roofs.js';
import { roofShare } from '../../../roofline/roof-share.js';

const gemm = OPS.find(({ name }) => name === 'gemm')!;

describe('words of ops', () => {
  test('a shape has what is named, and the rest as the op has it', () => {
    expect(readShape(gemm, 'batch=3, rows=12')).toEqual({ ok: true, value: [12, 4096, 3] });
    expect(readShape(gemm, '')).toEqual({ ok: true, value: shapeOf(gemm, {}) });
    expect(shapeOf(gemm, { columns: 7, nothing: 1 })).toEqual([4096, 7, 512]);
  });

  test.each([
    ['row=4', 'there is no parameter of gemm called row: did you mean rows?'],
    ['rows=0', 'rows is 0, and it goes from 1 to 1048576'],
    ['rows=-3', 'rows is -3, and it goes from 1 to 1048576'],
    ['rows=1.5', 'rows is 1.5, and it goes from 1 to 1048576'],
    ['rows', 'rows is without a value, and it goes from 1 to 1048576'],
    ['rows=4,rows=5', 'rows is there twice'],
    ['=4', 'there is no parameter of gemm called nothing: there are rows, columns, batch'],
  ])('%s: %s', (text, message) => {
    expect(readShape(gemm, text)).toEqual({ ok: false, message });
  });

  test('numbers that contradict each other are refused in the op’s own words', () => {
    const named = (name: string) => OPS.find((op) => op.name === name)!;
    const moe = named('moe');
    expect(readShape(moe, 'used=64')).toMatchObject({ ok: true });
    expect(readShape(moe, 'used=65')).toEqual({
      ok: false,
      message: 'used has to be at most experts, for a token goes to each expert at most once',
    });
    expect(readShape(named('rope'), 'length=7')).toMatchObject({
      message: expect.stringMatching(/^length has to be a multiple of 2/),
    });
  });

  test('unknown ops, variants and types come with the nearest', () => {
    expect(findOp(OPS, 'sparse-bitmp')).toMatchObject({ message: expect.stringMatching(/sparse-bitmap\?$/) });
    expect(findVariants(gemm, 'avx-512')).toMatchObject({ message: expect.stringMatching(/avx512\?$/) });
    expect(findTypes(gemm, 'float')).toMatchObject({ message: expect.stringMatching(/f32, f16, bf16/) });
    expect(findTypes(gemm, 'all')).toEqual({ ok: true, value: gemm.types });
  });
});

test('an op stands under memory or under arithmetic, whichever takes longer', () => {
  const of = (value: number) => ({ value, samples: [value], cv: 0 });
  const roofs = {
    bandwidth: [{ level: 'memory', access: 'read', threads: 2, workingSetBytes: 1, bytesPerSecond: of(100) }],
    compute: [{ arithmetic: 'bf16', unit: 'matrix', threads: 2, flopsPerSecond: of(1000) }],
  } as unknown as Roofs;
  expect(roofShare(roofs, 'bf16', { bytes: 50, flops: 10 }, 2, 1)).toBe(0.5);
  expect(roofShare(roofs, 'bf16', { bytes: 50, flops: 800 }, 2, 1)).toBe(0.8);
  expect(roofShare(roofs, 'f32', { bytes: 50, flops: 800 }, 2, 1)).toBe(0.5);
  expect(roofShare(roofs, 'bf16', { bytes: 50, flops: 800 }, 1, 1)).toBeNull();
});
