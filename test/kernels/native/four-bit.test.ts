import fc from 'fast-check';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import type { FourBitEngine } from '../../../core/techniques/four-bit/engine.js';
import { FOUR_BIT_NAMES, type FourBitName } from '../../../core/techniques/four-bit/formats.js';
import { quantizeLayer } from '../../../core/techniques/four-bit/layer.js';
import type { Matrix } from '../../../core/techniques/pruning/matrix.js';
import { openFourBitKernels } from '../../../engines/native/four-bit.js';
import { kernelsLibrary } from '../../../engines/native/kernel-library.js';
import { openPruningKernels } from '../../../engines/native/kernels.js';
import { forAll } from '../../support/for-all.js';
import { FOUR_BIT_REFERENCE } from '../../support/four-bit/engine.js';
import { HessianAccumulator, inverseFactor } from '../../support/pruning/hessian.js';
import { values } from '../../unit/pruning/arbitraries.js';

const kernels = inject('kernels');

const COLUMNS = 64;
const format = fc.constantFrom(...FOUR_BIT_NAMES);
const weights = fc
  .integer({ min: 1, max: 20 })
  .chain((rows) => values(rows * COLUMNS).map((v): Matrix => ({ rows, columns: COLUMNS, values: v })));
const inputs = values(80 * COLUMNS);

function hessianOf(sequence: Float32Array) {
  const hessian = new HessianAccumulator(COLUMNS);
  hessian.addSequence(sequence);
  return hessian.hessian();
}

const distance = (a: Float32Array, b: Float32Array) =>
  Math.sqrt(a.reduce((sum, v, i) => sum + (v - b[i]!) ** 2, 0));

describe.skipIf(!kernels.tools)('native four bits (needs cmake and a C++ compiler)', () => {
  const engines: FourBitEngine[] = [];
  beforeAll(async () => {
    for (const threads of [1, 3]) engines.push(await openFourBitKernels(kernelsLibrary()!, threads));
  });

  test('any weights: the errors of the reference, to the bit where they are floats', () => {
    forAll(200, [weights, format, fc.boolean()], (matrix, name, search) => {
      const expected = FOUR_BIT_REFERENCE.round(matrix, name, search);
      const rounded = FOUR_BIT_REFERENCE.valuesOf(expected);
      for (const engine of engines) {
        const result = engine.round(matrix, name, search);
        expect(result.tensorScale).toBe(expected.tensorScale);
        expect(engine.valuesOf(expected)).toEqual(rounded);
        if (name === 'if4') {
          // Halfway between integers a quotient rounds either way.
          const [own, other] = [engine.valuesOf(result), rounded].map((v) => distance(matrix.values, v));
          expect(own).toBeCloseTo(other!, 4);
        } else {
          expect(result.codes).toEqual(expected.codes);
          expect(result.scales).toEqual(expected.scales);
        }
      }
    });
  });

  test('GPTQ is the reference’s, which updates column by column', () => {
    forAll(
      60,
      [weights, inputs, fc.constantFrom<FourBitName>('mxfp4', 'nvfp4')],
      (matrix, sequence, name) => {
        const factor = inverseFactor(hessianOf(sequence), 0.01);
        const expected = FOUR_BIT_REFERENCE.valuesOf(FOUR_BIT_REFERENCE.gptq(matrix, factor, name, 32));
        for (const engine of engines) {
          const before = matrix.values.slice();
          const result = engine.gptq(matrix, factor, name, 32);
          expect(matrix.values).toEqual(before);
          // Updates behind a block are stored in single precision, so a code may fall to its neighbour.
          const same = engine.valuesOf(result).filter((value, i) => value === expected[i]).length;
          expect(same / expected.length).toBeGreaterThan(0.9);
        }
      },
    );
  });

  test('on correlated inputs GPTQ leaves less of the output than rounding does', async () => {
    const pruning = await openPruningKernels(kernelsLibrary()!, 1);
    const random = (i: number) =>
      Math.sin(12.9898 * i) * 43758.5453 - Math.floor(Math.sin(12.9898 * i) * 43758.5453) - 0.5;
    const matrix = {
      rows: 24,
      columns: COLUMNS,
      values: Float32Array.from({ length: 24 * COLUMNS }, (_, i) => random(i)),
    };
    // Each channel is like its neighbour.
    const sequence = Float32Array.from(
      { length: 200 * COLUMNS },
      (_, i) => random(7 + Math.floor(i / 2)) + 0.3 * random(i + 99),
    );
    const hessian = hessianOf(sequence);
    const spec = { type: 'mxfp4', rotation: 'none', layers: ['*'], exclude: [] } as const;
    const calibration = { text: 'builtin:sample', sequences: 1, tokens: 2, order: 'dense', seed: 0 } as const;
    const gptq = { dampening: 0.01, blockColumns: 32, calibration };
    const engine = { ...engines[0]!, inverseFactor: pruning.inverseFactor };
    const errorOf = (method: 'search' | 'gptq') => {
      const settings = { ...spec, method, gptq: method === 'gptq' ? gptq : null };
      const { weights: quantized } = quantizeLayer(
        { name: 'layer', weights: matrix, hessian },
        settings,
        engine,
      );
      return pruning.squaredOutput(matrix, quantized, hessian).reduce((sum, square) => sum + square, 0);
    };
    expect(errorOf('gptq')).toBeLessThan(0.7 * errorOf('search'));
  });
});
