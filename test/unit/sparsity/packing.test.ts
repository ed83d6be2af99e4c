import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFloats, encodeFloats } from '../../../core/techniques/float-types.js';
import { packMatrix } from '../../../core/techniques/packing/pack.js';
import { idealBitsPerWeight, PACKED_FORMATS, packedBytes } from '../../../core/techniques/packing/packed.js';
import { PACKED_TYPES, valueBits } from '../../../core/techniques/packing/values.js';
import { forAll } from '../../support/for-all.js';
import { unpackMatrix } from '../../support/packed-reader.js';

/** Rounded to the type beforehand, so that packing has nothing left to lose. */
const matrix = (type: 'f32' | 'f16' | 'bf16', twoOfFour: boolean) =>
  fc
    .record({ rows: fc.integer({ min: 1, max: 5 }), groups: fc.integer({ min: 1, max: 20 }) })
    .chain(({ rows, groups }) =>
      fc
        .array(
          fc.tuple(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), fc.boolean()),
          {
            minLength: rows * groups * 4,
            maxLength: rows * groups * 4,
          },
        )
        .map((cells) => {
          const values = Float32Array.from(cells, ([value, kept]) => (kept ? value : 0));
          if (twoOfFour) {
            for (let start = 0; start < values.length; start += 4) {
              const kept = [0, 1, 2, 3].filter((i) => values[start + i] !== 0).slice(2);
              for (const i of kept) values[start + i] = 0;
            }
          }
          const rounded = decodeFloats(encodeFloats(values, type), type).map((v) => (v === 0 ? 0 : v));
          return { rows, columns: groups * 4, values: rounded };
        }),
    );

describe.each(PACKED_FORMATS)('%s', (format) => {
  test.each(['f32', 'f16', 'bf16'] as const)('gives back %s weights bit for bit', (type) => {
    forAll(40, [matrix(type, format === '2:4')], (dense) => {
      const packed = packMatrix('m', dense, format, type);
      expect(unpackMatrix(packed)).toEqual(dense);
    });
  });

  test('int8 is off by half a step of its row at most', () => {
    forAll(40, [matrix('f32', format === '2:4')], (dense) => {
      const { values } = unpackMatrix(packMatrix('m', dense, format, 'int8'));
      for (let row = 0; row < dense.rows; row++) {
        const own = dense.values.subarray(row * dense.columns, (row + 1) * dense.columns);
        const step = own.reduce((most, v) => Math.max(most, Math.abs(v)), 0) / 127;
        const worst = own.reduce((w, v, c) => Math.max(w, Math.abs(values[row * dense.columns + c]! - v)), 0);
        // Below 1e-38 a step itself is rounded.
        expect(worst).toBeLessThanOrEqual(step * 0.5001 + 1e-38);
      }
    });
  });
});

describe('sizes', () => {
  const half = (columns: number) => ({
    rows: 64,
    columns,
    values: Float32Array.from({ length: 64 * columns }, (_, i) => (i % 4 < 2 ? 1 : 0)),
  });

  test.each([
    // 64 rows of 4096: half of the weights in 16 bits, an index, and 4 bytes a row and one more.
    ['bitmap', 'f16', 64 * 2048 * 2 + 64 * 512 + 65 * 4],
    ['2:4', 'f16', 64 * 2048 * 2 + 64 * 512],
    ['csr', 'f16', 64 * 2048 * 4 + 65 * 4],
    ['2:4', 'int8', 64 * 2048 + 64 * 512 + 64 * 4],
    ['bitmap', 'f32', 64 * 2048 * 4 + 64 * 512 + 65 * 4],
  ] as const)('%s of %s takes exactly %i bytes', (format, type, bytes) => {
    const packed = packMatrix('m', half(4096), format, type);
    expect(packedBytes(packed).total).toBe(bytes);
    expect((8 * bytes) / (64 * 4096)).toBeCloseTo(idealBitsPerWeight(format, valueBits(type), 0.5), 1);
  });

  test('bits of a weight follow the formulas', () => {
    // 16-bit weights at 50, 60, 70, 80 %.
    const bits = (format: (typeof PACKED_FORMATS)[number]) =>
      [0.5, 0.6, 0.7, 0.8].map((p) => Number(idealBitsPerWeight(format, 16, p).toFixed(6)));
    expect(bits('bitmap')).toEqual([9, 7.4, 5.8, 4.2]);
    expect(bits('csr')).toEqual([16, 12.8, 9.6, 6.4]);
    expect(bits('2:4')[0]).toBe(9);
    expect(PACKED_TYPES.map(valueBits)).toEqual([32, 16, 16, 8]);
  });

  test('a width that is no multiple of 64 is padded in the bitmap alone', () => {
    const packed = packMatrix(
      'm',
      { rows: 2, columns: 70, values: new Float32Array(140).fill(1) },
      'bitmap',
      'f32',
    );
    expect(packedBytes(packed)).toEqual({ values: 560, index: 32, rows: 12, total: 604 });
  });
});

describe('refuses', () => {
  test.each([
    [
      { rows: 1, columns: 8, values: Float32Array.of(0, 0, 1, 1, 1, 1, 1, 0) },
      '2:4',
      /keeps 3 of the 4 weights from column 4 of row 0/,
    ],
    [{ rows: 1, columns: 6, values: new Float32Array(6) }, '2:4', /divides by 4/],
    [{ rows: 1, columns: 70_000, values: new Float32Array(70_000) }, 'csr', /columns of 16 bits/],
  ] as const)('what a format cannot hold', (dense, format, why) => {
    expect(() => packMatrix('blk.0.attn_q.weight', dense, format, 'f16')).toThrow(why);
  });
});

describe('float types', () => {
  test('every half and every bfloat16 survives', () => {
    const words = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    for (const type of ['f16', 'bf16'] as const) {
      const values = decodeFloats(new Uint8Array(words.buffer), type);
      const back = new Uint16Array(encodeFloats(values, type).buffer);
      expect(back.findIndex((bits, i) => bits !== i && !Number.isNaN(values[i]))).toBe(-1);
    }
  });

  test('rounding is to the nearest, ties to even', () => {
    const f16 = (value: number) => decodeFloats(encodeFloats(Float32Array.of(value), 'f16'), 'f16')[0];
    expect(f16(2049)).toBe(2048);
    expect(f16(2051)).toBe(2052);
    expect(f16(65_519)).toBe(65_504);
    expect(f16(65_520)).toBe(Number.POSITIVE_INFINITY);
    expect(f16(2 ** -25)).toBe(0);
    expect(f16(1.5 * 2 ** -24)).toBe(2 * 2 ** -24);
    expect(f16(2.5 * 2 ** -24)).toBe(2 * 2 ** -24);
    expect(Object.is(f16(-1e-9), -0)).toBe(true);
    const bf16 = decodeFloats(
      encodeFloats(Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38), 'bf16'),
      'bf16',
    );
    expect([...bf16]).toEqual([1, 1 + 2 ** -6, Number.POSITIVE_INFINITY]);
  });

  test('the nearest half is never beaten by a neighbour', () => {
    forAll(100, [fc.float({ noNaN: true, min: -65_504, max: 65_504 })], (value) => {
      const word = new Uint16Array(encodeFloats(Float32Array.of(value), 'f16').buffer)[0]!;
      const at = (bits: number) => decodeFloats(new Uint8Array(Uint16Array.of(bits).buffer), 'f16')[0]!;
      const error = Math.abs(at(word) - value);
      for (const other of [word - 1, word + 1]) {
        const there = at(other & 0xffff);
        if (Number.isFinite(there)) expect(error).toBeLessThanOrEqual(Math.abs(there - value));
      }
    });
  });
});
