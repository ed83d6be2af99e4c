import { describe, expect, test } from 'vitest';
import { type BlockForm, quantizeBlocks, quantizeColumns } from '../../../artifacts/onnx/blockwise.js';

/** A matrix of inputs × outputs, the same everywhere; every seventh weight was pruned. */
const inputs = 80;
const outputs = 3;
const values = Float32Array.from({ length: inputs * outputs }, (_, i) =>
  i % 7 === 0 ? 0 : Math.fround(((i * 7919) % 1000) / 500 - 0.9),
);
const matrix = { values, inputs, outputs, turned: false };
const turned = {
  ...matrix,
  values: Float32Array.from(values, (_, i) => values[(i % inputs) * outputs + Math.floor(i / inputs)]!),
  turned: true,
};
const form = (bits: 4 | 8, zeroPoints: boolean): BlockForm => ({ bits, blockLength: 32, zeroPoints });

/** @returns the numbers that the blocks stand for, inputs × outputs. */
function multipliedOut({ quants, scales, zeroPoints }: ReturnType<typeof quantizeBlocks>, bits: 4 | 8) {
  const blocks = 3;
  return Float32Array.from(values, (_, i) => {
    const [input, output] = [Math.floor(i / outputs), i % outputs];
    const block = Math.floor(input / 32);
    const half = (bytes: Uint8Array, at: number) =>
      bits === 8 ? bytes[at]! : (bytes[at >> 1]! >> (4 * (at % 2))) & 15;
    const rowZeros = bits === 8 ? blocks : 4;
    const zero = zeroPoints === null ? 2 ** (bits - 1) : half(zeroPoints, output * rowZeros + block);
    return (
      (half(quants, (output * blocks + block) * 32 + (input % 32)) - zero) * scales[output * blocks + block]!
    );
  });
}

describe.each([
  [4, false],
  [4, true],
  [8, false],
  [8, true],
] as const)('blocks of int%d, zero points: %s', (bits, zeroPoints) => {
  const made = quantizeBlocks(matrix, form(bits, zeroPoints));
  const back = multipliedOut(made, bits);

  test('each weight is off by half a step at most, and zeros are zeros', () => {
    for (const [i, value] of values.entries()) {
      const [input, output] = [Math.floor(i / outputs), i % outputs];
      const step = Math.abs(made.scales[output * 3 + Math.floor(input / 32)]!);
      // Of two that are as large, one falls off the end of the range.
      expect(Math.abs(value - back[i]!)).toBeLessThanOrEqual(step * 1.001);
      if (value === 0) expect(Math.abs(back[i]!)).toBe(0);
    }
    const lost = values.reduce((sum, value, i) => sum + (value - back[i]!) ** 2, 0);
    expect(made.lost).toBeCloseTo(lost, 6);
    expect(made.power).toBeCloseTo(
      values.reduce((sum, value) => sum + value * value, 0),
      6,
    );
  });

  test('it does not matter how the matrix lies', () => {
    const { quants, scales, zeroPoints: zeros } = quantizeBlocks(turned, form(bits, zeroPoints));
    expect([quants, scales, zeros]).toEqual([made.quants, made.scales, made.zeroPoints]);
  });
});

test('columns of int8: the largest magnitude becomes 127, and zeros are zeros', () => {
  const { quants, scales, lost } = quantizeColumns(matrix);
  const largest = Array.from({ length: outputs }, (_, output) =>
    Math.max(...values.filter((_, i) => i % outputs === output).map(Math.abs)),
  );
  for (const [output, scale] of scales.entries()) expect(scale).toBeCloseTo(largest[output]! / 127, 8);
  expect(Math.max(...quants.map(Math.abs))).toBe(127);
  expect(values.every((value, i) => value !== 0 || quants[i] === 0)).toBe(true);
  expect(Math.sqrt(lost / values.length)).toBeLessThan(Math.max(...scales) / 2);
  const again = quantizeColumns(turned);
  expect([again.quants, again.scales]).toEqual([quants, scales]);
});
