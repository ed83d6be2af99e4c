import { describe, expect, test } from 'vitest';
import {
  ROTATIONS,
  rotated,
  rotatedHessian,
  rotationOf,
} from '../../../core/techniques/four-bit/rotation.js';
import type { Matrix } from '../../../core/techniques/pruning/matrix.js';
import { HessianAccumulator } from '../../support/pruning/hessian.js';

const waves = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(3 * i * i + i));

function product(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

describe.each(ROTATIONS.filter((name) => name !== 'none'))('the rotation %s', (name) => {
  // A power of two, one with an odd factor (SmolLM2's width), and one of an odd multiple of 32.
  test.each([64, 576, 96])('keeps lengths and angles of rows of %i', (columns) => {
    const rotation = rotationOf(name, columns)!;
    const rows = [waves(columns), waves(2 * columns).slice(columns)].map((row) => Float64Array.from(row));
    const turned = rows.map((row) => {
      const copy = row.slice();
      rotation.forward(copy);
      return copy;
    });
    expect(product(turned[0]!, turned[1]!)).toBeCloseTo(product(rows[0]!, rows[1]!), 9);
    expect(product(turned[0]!, turned[0]!)).toBeCloseTo(product(rows[0]!, rows[0]!), 9);
    expect(turned[0]!.some((value, i) => Math.abs(value - rows[0]![i]!) > 0.1)).toBe(true);
    rotation.backward(turned[0]!);
    turned[0]!.forEach((value, i) => {
      expect(value).toBeCloseTo(rows[0]![i]!, 9);
    });
  });

  test('spreads one outlier over the inputs that it mixes', () => {
    const columns = 96;
    const row = new Float64Array(columns);
    row[5] = 8;
    rotationOf(name, columns)!.forward(row);
    const mixed = name === 'block32' ? 32 : columns;
    expect(row.filter((value) => value !== 0).length).toBeGreaterThanOrEqual(mixed / 2);
    expect(Math.max(...row.map(Math.abs))).toBeLessThan((8 * Math.SQRT2) / Math.sqrt(mixed) + 1e-9);
  });

  test('turns a Hessian into that of rotated inputs', () => {
    const columns = 96;
    const inputs = waves(7 * columns);
    const rotation = rotationOf(name, columns)!;
    const turnedInputs = rotated({ rows: 7, columns, values: inputs }, rotation).values;
    const of = (values: Float32Array) => {
      const sums = new HessianAccumulator(columns);
      sums.addSequence(values);
      return sums.hessian();
    };
    const expected = of(turnedInputs);
    const turned = rotatedHessian(of(inputs), rotation);
    for (let i = 0; i < columns; i++)
      for (let j = i; j < columns; j++) {
        const at = i * columns + j;
        expect(Math.abs(turned.values[at]! - expected.values[at]!)).toBeLessThan(1e-4);
      }
  });
});

test('no rotation is none, and rotated weights are a copy', () => {
  expect(rotationOf('none', 64)).toBeNull();
  const weights: Matrix = { rows: 2, columns: 32, values: waves(64) };
  const before = weights.values.slice();
  rotated(weights, rotationOf('block32', 32)!);
  expect(weights.values).toEqual(before);
});
