import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { arithmeticOf } from '../../../core/kernels/arithmetic.js';
import { OPS } from '../../../core/kernels/gen/ops.js';

const ops = join(import.meta.dirname, '../../../kernels/ops');
const sources = readdirSync(ops)
  .map((folder) => join(ops, folder, 'op.cpp'))
  .filter((path) => existsSync(path))
  .map((path) => readFileSync(path, 'utf8'));

test('every op that a folder of kernels/ops enters is in the generated table, and no other', () => {
  const entered = sources.flatMap((text) =>
    [...text.matchAll(/^RIDGE_OP\((\w+)\)/gm)].map(([, name]) => name),
  );
  expect(entered.map((name) => name!.replaceAll('_', '-')).sort()).toEqual(
    OPS.map(({ name }) => name).sort(),
  );
});

test('a description is the same wherever it is compiled', () => {
  expect(sources.length).toBeGreaterThan(10);
  for (const text of sources) expect(text).not.toMatch(/^\s*#\s*if/m);
});

test.each([
  ['gemm', 'avx512bf16', 'bf16', 'bf16'],
  ['gemv', 'neon', 'int4', 'int8'],
  ['gemm', 'cuda', 'bf16', 'f32'],
  ['gemm', 'cuda-tensor', 'bf16', 'bf16'],
  ['gemm', 'cuda-tensor', 'int4', 'f16'],
  ['attention-decode', 'cuda', 'f16', 'f32'],
  ['attention-prefill', 'cuda', 'f16', 'f16'],
] as const)(
  '%s/%s in %s is held against the unit that multiplies, in %s',
  (op, variant, type, arithmetic) => {
    expect(arithmeticOf({ op, variant, type })).toBe(arithmetic);
  },
);
