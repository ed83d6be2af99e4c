import { describe, expect, test } from 'vitest';
import type { AdapterLayer } from '../../../core/techniques/adapters/adapter.js';
import { veraLayer, withoutInitial } from '../../../core/techniques/adapters/convert.js';
import {
  loraFactors,
  oloraFactors,
  ontoBase,
  pissaFactors,
  rowLengths,
} from '../../../core/techniques/adapters/initialize.js';
import { merged } from '../../../core/techniques/adapters/merge.js';
import { scaleOf } from '../../../core/techniques/adapters/scale.js';
import { leadingSingular } from '../../../core/techniques/adapters/svd.js';
import { decodeFloats, encodeFloats } from '../../../core/techniques/float-types.js';
import type { Matrix } from '../../../core/techniques/pruning/matrix.js';
import { largestDifference, randomLayer, randomMatrix, randomNumbers } from './toy.js';

const [OUT, IN, RANK] = [24, 40, 4];
const W0 = randomMatrix(OUT, IN, 3);
/** Unit roundoff: half the distance of 1 to the next number. */
const ROUNDOFF = { f32: 2 ** -24, f16: 2 ** -11, bf16: 2 ** -8 } as const;
const uniform = (seed: number) => {
  const next = randomNumbers(seed);
  return () => (next() + 1) / 2;
};
const plain = (factors: Pick<AdapterLayer, 'a' | 'b'>, scale = 2): AdapterLayer => ({
  ...factors,
  scale,
  magnitude: null,
});

/** M x in double precision. */
function times({ rows, columns, values }: Matrix, x: ArrayLike<number>): Float64Array {
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let i = 0; i < columns; i++) sum += values[row * columns + i]! * x[i]!;
    return sum;
  });
}

/**
 * y = g (W x + s B (A x)), as a run with an attached adapter computes it; g caches m / |row| (DoRA, at
 * inference).
 */
function attached(weights: Matrix, layer: AdapterLayer, x: ArrayLike<number>): Float64Array {
  const { a, b, scale, magnitude } = layer;
  const change = times(b, times(a, x));
  const lengths = magnitude === null ? null : rowLengths(merged(weights, { ...layer, magnitude: null }));
  return times(weights, x).map((value, row) => {
    const gain = lengths === null ? 1 : magnitude![row]! / lengths[row]!;
    return gain * (value + scale * change[row]!);
  });
}

const KINDS: Readonly<Record<string, AdapterLayer>> = {
  lora: randomLayer(OUT, IN, RANK),
  rslora: randomLayer(OUT, IN, RANK, { scale: scaleOf(8, RANK, true) }),
  dora: randomLayer(OUT, IN, RANK, { magnitude: randomMatrix(1, OUT, 8).values.map((v) => 3 + v) }),
  'pissa as rank 2r': withoutInitial(randomLayer(OUT, IN, RANK), pissaFactors(W0, RANK, 2)),
  'olora as rank 2r': withoutInitial(randomLayer(OUT, IN, RANK), oloraFactors(W0, RANK)),
  vera: veraLayer(
    randomMatrix(RANK, IN + 8, 4),
    randomMatrix(OUT + 8, RANK, 5),
    randomMatrix(1, OUT, 6).values,
    randomMatrix(1, RANK, 7).values,
    IN,
  ),
};

describe('identities of adapters (algorithms of the papers, E.1)', () => {
  test.each(Object.entries(KINDS))('%s: merged and attached give the same output', (_, layer) => {
    const x = randomMatrix(1, IN, 11).values;
    const whole = merged(W0, layer);
    for (const type of ['f32', 'f16', 'bf16'] as const) {
      const rounded = { ...whole, values: decodeFloats(encodeFloats(whole.values, type), type) };
      const [one, other] = [times(rounded, x), attached(W0, layer, x)];
      for (let row = 0; row < OUT; row++) {
        // Each weight of the row is rounded once: |Δy| ≤ u Σ |w x|, and a little for f32 factors of DoRA.
        let bound = 0;
        for (let i = 0; i < IN; i++) bound += Math.abs(whole.values[row * IN + i]! * x[i]!);
        expect(Math.abs(one[row]! - other[row]!)).toBeLessThan(1.01 * ROUNDOFF[type] * bound + 1e-6 * bound);
      }
    }
  });

  test('with B = 0 the weights stay, to the bit', () => {
    const factors = loraFactors(OUT, IN, RANK, uniform(1));
    expect(merged(W0, plain(factors)).values).toEqual(W0.values);
  });

  test('DoRA with B = 0 and the row lengths as magnitudes gives the weights', () => {
    const layer = { ...plain(loraFactors(OUT, IN, RANK, uniform(2))), magnitude: rowLengths(W0) };
    // Magnitudes are f32: half a unit in the last place of a length, relative to each weight.
    expect(largestDifference(merged(W0, layer).values, W0.values)).toBeLessThan(2 ** -23);
  });

  test('rsLoRA(alpha) is LoRA(alpha √r)', () => {
    expect(scaleOf(8, 16, true)).toBe(scaleOf(8 * Math.sqrt(16), 16, false));
    const layer = randomLayer(OUT, IN, 5);
    const [one, other] = [scaleOf(8, 5, true), scaleOf(8 * Math.sqrt(5), 5, false)];
    expect(
      largestDifference(
        merged(W0, { ...layer, scale: one }).values,
        merged(W0, { ...layer, scale: other }).values,
      ),
    ).toBeLessThan(1e-6);
  });

  test.each(['pissa', 'olora'] as const)('%s before its first step reproduces the weights', (kind) => {
    const scale = 2;
    const initial = kind === 'pissa' ? pissaFactors(W0, RANK, scale) : oloraFactors(W0, RANK);
    const residual = merged(W0, plain(initial, -scale));
    expect(largestDifference(residual.values, W0.values)).toBeGreaterThan(0.1);
    expect(largestDifference(merged(residual, plain(initial, scale)).values, W0.values)).toBeLessThan(1e-6);
    // As a plain LoRA of rank 2r it changes nothing then, and later what training on the residual gave.
    const untrained = withoutInitial(plain(initial, scale), initial);
    expect(untrained.a.rows).toBe(2 * RANK);
    expect(merged(W0, untrained).values).toEqual(W0.values);
    const trained = randomLayer(OUT, IN, RANK, { scale });
    const expected = merged(residual, trained).values;
    expect(largestDifference(merged(W0, withoutInitial(trained, initial)).values, expected)).toBeLessThan(
      1e-6,
    );
    expect(largestDifference(merged(W0, ontoBase(trained, kind, W0)).values, expected)).toBeLessThan(1e-6);
  });

  test('VeRA is W0 + diag(λb) B diag(λd) A with the first rows and columns of what is shared', () => {
    const [a, b] = [randomMatrix(2, 5, 1), randomMatrix(6, 2, 2)];
    const [lambdaB, lambdaD] = [Float32Array.of(1, -2, 0.5), Float32Array.of(3, 0.25)];
    const zero = { rows: 3, columns: 4, values: new Float32Array(12) };
    const { values } = merged(zero, veraLayer(a, b, lambdaB, lambdaD, 4));
    for (let row = 0; row < 3; row++) {
      for (let i = 0; i < 4; i++) {
        const sum = [0, 1].reduce(
          (s, k) => s + b.values[row * 2 + k]! * lambdaD[k]! * a.values[k * 5 + i]!,
          0,
        );
        expect(values[row * 4 + i]).toBeCloseTo(lambdaB[row]! * sum, 6);
      }
    }
  });

  test('taking a merged adapter off again restores the weights within a rounding, a copy to the bit', () => {
    const layer = KINDS.lora!;
    const whole = merged(W0, layer);
    const back = merged(whole, { ...layer, scale: -layer.scale });
    const most = whole.values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    expect(largestDifference(back.values, W0.values)).toBeLessThan(2 * ROUNDOFF.f32 * most);
    expect(largestDifference(back.values, W0.values)).toBeGreaterThan(0);
    expect(W0.values).toEqual(randomMatrix(OUT, IN, 3).values);
  });

  test('a strength is a factor of the scale, and of the way to DoRA’s weights', () => {
    const layer = KINDS.lora!;
    expect(
      largestDifference(merged(W0, layer, 0.5).values, merged(W0, { ...layer, scale: 1 }).values),
    ).toBeLessThan(1e-6);
    expect(merged(W0, KINDS.dora!, 0).values).toEqual(W0.values);
    const [half, whole] = [merged(W0, KINDS.dora!, 0.5), merged(W0, KINDS.dora!)];
    const middle = whole.values.map((value, i) => (value + W0.values[i]!) / 2);
    expect(largestDifference(half.values, middle)).toBeLessThan(1e-6);
  });
});

describe('singular values', () => {
  test.each([
    ['tall', 30, 12],
    ['wide', 12, 30],
    ['with more than can be decomposed whole', 300, 280],
  ])('of a %s matrix', (_, rows, columns) => {
    const rank = 5;
    // A known spectrum: random orthonormal vectors would do the same, but these are made by QR above.
    const left = oloraFactors(randomMatrix(rows, 8, 21), 8).b;
    const right = oloraFactors(randomMatrix(columns, 8, 22), 8).b;
    const known = [9, 7, 5, 3, 2, 1, 0.5, 0.25];
    const values = new Float32Array(rows * columns);
    for (const [k, value] of known.entries())
      for (let row = 0; row < rows; row++)
        for (let i = 0; i < columns; i++)
          values[row * columns + i]! += value * left.values[row * 8 + k]! * right.values[i * 8 + k]!;
    const part = leadingSingular({ rows, columns, values }, rank);
    for (let k = 0; k < rank; k++) {
      expect(part.values[k]).toBeCloseTo(known[k]!, 5);
      const alignment = [0, 0];
      for (let row = 0; row < rows; row++)
        alignment[0]! += part.left[k * rows + row]! * left.values[row * 8 + k]!;
      for (let i = 0; i < columns; i++)
        alignment[1]! += part.right[k * columns + i]! * right.values[i * 8 + k]!;
      // Both may be turned round together.
      expect(alignment[0]! * alignment[1]!).toBeCloseTo(1, 5);
    }
  });

  test('a matrix of zeros has none', () => {
    const zero = { rows: 4, columns: 6, values: new Float32Array(24) };
    const { a, b } = pissaFactors(zero, 2, 1);
    expect([...a.values, ...b.values].every((value) => value === 0)).toBe(true);
    expect([...oloraFactors(zero, 2).b.values].every((value) => value === 0)).toBe(true);
  });
});
