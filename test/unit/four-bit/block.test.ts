import { describe, expect, test } from 'vitest';
import { fourBitBits, fourBitFormat, tensorScaleOf } from '../../../core/techniques/four-bit/formats.js';
import { ggmlBlocks } from '../../../core/techniques/four-bit/ggml-blocks.js';
import { e4m3 } from '../../support/four-bit/block.js';
import { FOUR_BIT_REFERENCE } from '../../support/four-bit/engine.js';

// The reference, which the native kernels are held against, against numbers worked out by hand.

const block = (length: number, ...front: readonly number[]) => {
  const values = new Float32Array(length);
  values.set(front);
  return { rows: 1, columns: length, values };
};

test('E4M3 has 448 as its greatest number and 2^-9 as its least', () => {
  expect([e4m3(126), e4m3(1), e4m3(8), e4m3(0x38)]).toEqual([448, 2 ** -9, 2 ** -6, 1]);
});

describe('MXFP4', () => {
  test('the greatest weight decides a power of two, and what is above 6 of it is cut', () => {
    const weights = block(32, 7, -0.25, 0.26, 2.5, -5.1);
    const matrix = FOUR_BIT_REFERENCE.round(weights, 'mxfp4', false);
    expect(matrix.scales).toEqual(Uint8Array.of(127));
    const values = FOUR_BIT_REFERENCE.valuesOf(matrix);
    // Halfway goes towards zero.
    expect(Array.from(values.subarray(0, 5))).toEqual([6, 0, 0.5, 2, -6]);
    expect(fourBitBits('mxfp4')).toBe(4.25);
  });

  test('a search doubles the scale where cutting costs more', () => {
    const cut = FOUR_BIT_REFERENCE.round(block(32, 7.9), 'mxfp4', false);
    const searched = FOUR_BIT_REFERENCE.round(block(32, 7.9), 'mxfp4', true);
    expect([cut.scales[0], searched.scales[0]]).toEqual([127, 128]);
    expect(FOUR_BIT_REFERENCE.valuesOf(searched)[0]).toBe(8);
  });

  test('blocks are as ggml has them: halves share bytes', () => {
    const codes = Uint8Array.from({ length: 32 }, (_, i) => i % 16);
    const bytes = ggmlBlocks({ codes, scales: Uint8Array.of(130) });
    expect(bytes).toHaveLength(17);
    expect([bytes[0], bytes[1], bytes[16]]).toEqual([130, 0x00, 0xff]);
    const shifted = ggmlBlocks({
      codes: codes.map((code, i) => (i < 16 ? code : 15 - code)),
      scales: Uint8Array.of(1),
    });
    expect([shifted[1], shifted[2]]).toEqual([0xf0, 0xe1]);
  });
});

describe('NVFP4', () => {
  test('the block of the greatest weight has the greatest scale', () => {
    const weights = block(32, 12);
    weights.values[16] = 0.75;
    const matrix = FOUR_BIT_REFERENCE.round(weights, 'nvfp4', false);
    expect(matrix.tensorScale).toBe(tensorScaleOf(fourBitFormat('nvfp4'), weights.values, false));
    expect(matrix.scales[0]).toBe(126);
    const values = FOUR_BIT_REFERENCE.valuesOf(matrix);
    expect(values[0]).toBeCloseTo(12, 5);
    expect(values[16]).toBeCloseTo(0.75, 1);
    expect(fourBitBits('nvfp4')).toBe(4.5);
  });

  test('a search makes the greatest weight a 4 where that is nearer', () => {
    // 6, 5, 5, 5: between 4 and 6 of the prescribed scale, but 4.8, 4, 4, 4 of one that is a quarter larger.
    const weights = block(16, 6, 5, 5, 5);
    const error = (search: boolean) => {
      const values = FOUR_BIT_REFERENCE.valuesOf(FOUR_BIT_REFERENCE.round(weights, 'nvfp4', search));
      return values.reduce((sum, value, i) => sum + (value - weights.values[i]!) ** 2, 0);
    };
    expect(error(true)).toBeLessThan(0.8 * error(false));
  });
});

describe('IF4', () => {
  const error = (format: 'nvfp4' | 'if4', values: readonly number[]) => {
    const weights = block(16, ...values);
    const matrix = FOUR_BIT_REFERENCE.round(weights, format, false);
    const rounded = FOUR_BIT_REFERENCE.valuesOf(matrix);
    const sum = rounded.reduce((total, value, i) => total + (value - weights.values[i]!) ** 2, 0);
    return { error: sum, integers: matrix.scales[0]! >= 128, matrix };
  };

  test('evenly spread weights become integers, and the scale’s sign says so', () => {
    const even = [7, -6, 5, -4, 3, -2, 1, 6];
    const { error: own, integers, matrix } = error('if4', even);
    expect(integers).toBe(true);
    expect(own).toBeLessThan(0.01);
    expect(error('nvfp4', even).error).toBeGreaterThan(1);
    expect(Array.from(matrix.codes.subarray(0, 4))).toEqual([7, 10, 5, 12]);
  });

  test('many small weights beside a great one stay floats', () => {
    const { integers, error: own } = error('if4', [6, 0.5, -0.5, 0.5, 1.5, -1.5]);
    expect(integers).toBe(false);
    expect(own).toBe(error('nvfp4', [6, 0.5, -0.5, 0.5, 1.5, -1.5]).error);
  });
});
