import { describe, expect, test } from 'vitest';
import { decodeFloats, encodeFloats } from '../../../core/techniques/float-types.js';

const words = (type: 'f16' | 'bf16', ...values: number[]) => [
  ...new Uint16Array(encodeFloats(Float32Array.from(values), type).buffer),
];

describe('weights as numbers', () => {
  test('bytes may begin anywhere in a shared buffer', () => {
    const shared = Buffer.from([0, 0, 0x3c, 0, 0xc0]);
    expect(decodeFloats(shared.subarray(1), 'f16')).toEqual(Float32Array.of(1, -2));
  });

  test('every half comes back as it was, NaN as NaN', () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    for (const type of ['f16', 'bf16'] as const) {
      const floats = decodeFloats(new Uint8Array(bits.buffer), type);
      const again = new Uint16Array(encodeFloats(floats, type).buffer);
      const wrong = [...again].filter((word, i) => word !== i && !Number.isNaN(floats[i]!));
      expect(wrong).toEqual([]);
      const twice = decodeFloats(new Uint8Array(again.buffer), type);
      expect(twice.every((value, i) => Object.is(value, floats[i]))).toBe(true);
    }
  });

  test('halves are rounded to the nearest, ties to even (IEEE 754)', () => {
    // 1 + 2^-11 lies between 1 and 1 + 2^-10; 1 + 3·2^-11 between odd and even.
    expect(words('f16', 1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20)).toEqual([
      0x3c00, 0x3c00, 0x3c02, 0x3c01,
    ]);
    // The largest half, what rounds to it, and what no longer does.
    expect(words('f16', 65_504, 65_519, 65_520, -1e9)).toEqual([0x7bff, 0x7bff, 0x7c00, 0xfc00]);
    // Subnormal: 2^-24 is the least; its half is a tie with 0, three halves of it a tie with 2.
    expect(words('f16', 2 ** -24, 2 ** -25, 3 * 2 ** -25, -(2 ** -25) * 1.01)).toEqual([1, 0, 2, 0x8001]);
    expect(words('f16', 2 ** -14 - 2 ** -26, 0, -0)).toEqual([0x400, 0, 0x8000]);
  });

  test('bfloat16 is rounded to the nearest, ties to even', () => {
    expect(words('bf16', 1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38)).toEqual([0x3f80, 0x3f80, 0x3f82, 0x7f80]);
  });
});
