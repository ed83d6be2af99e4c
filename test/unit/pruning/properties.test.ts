import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DSNOT_DEFAULTS } from '../../../core/techniques/pruning/dsnot/settings.js';
import { prunedInRow } from '../../../core/techniques/pruning/mask.js';
import { prunedPerRow } from '../../../core/techniques/pruning/pattern.js';
import { valueAtRank } from '../../../core/techniques/pruning/threshold.js';
import { forAll } from '../../support/for-all.js';
import { pruneByReference } from '../../support/pruning/engine.js';
import { HessianAccumulator, inverseFactor } from '../../support/pruning/hessian.js';
import { isPruned } from '../../support/pruning/mask.js';
import { identity, StableOrder } from '../../support/pruning/order.js';
import { StatisticsAccumulator } from '../../support/pruning/statistics.js';
import { COLUMNS, exact, exchange, float, layer, pattern, tied, values } from './arbitraries.js';
import { isKeptOnGroups } from './invariants.js';

describe('properties of pruning', () => {
  test('every row has exactly its share pruned, kept weights are the dense ones, nothing else is touched', () => {
    forAll(300, [layer, exact, pattern], (given, method, where) => {
      const untouched = given.weights.values.slice();
      const { mask, weights, report } = pruneByReference(given, method, where);
      expect(given.weights.values).toEqual(untouched);
      for (let row = 0; row < weights.rows; row++) {
        expect(prunedInRow(mask, row)).toBe(prunedPerRow(where, COLUMNS));
        for (let j = 0; j < COLUMNS; j++) {
          const at = row * COLUMNS + j;
          expect(weights.values[at]).toBe(isPruned(mask, row, j) ? 0 : untouched[at]);
        }
      }
      expect(isKeptOnGroups(mask, where)).toBe(true);
      expect(report.minRowSparsity).toBe(report.maxRowSparsity);
      const largest = (list: Float32Array) => list.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      // The exchange sums in single precision.
      const rounding = 1e-5 * COLUMNS * largest(untouched) * largest(given.statistics!.sumPerSequence);
      if (method.kind === 'dsnot') {
        expect(report.meanAbsoluteErrorAfter).toBeLessThanOrEqual(report.meanAbsoluteErrorBefore! + rounding);
      }
    });
  });

  test('the reference exchange ends for every input, with a mask that matches its weights', () => {
    forAll(300, [layer, exchange('reference'), pattern], (given, method, where) => {
      const { mask, weights, exchange: done } = pruneByReference(given, method, where);
      expect(done!.cycles).toBeLessThanOrEqual(60);
      weights.values.forEach((w, at) => {
        const pruned = isPruned(mask, Math.floor(at / COLUMNS), at % COLUMNS);
        expect(w).toBe(pruned ? 0 : given.weights.values[at]);
      });
    });
  });

  test('a strict exchange never regrows a weight on a dead channel', () => {
    forAll(200, [layer, exchange('strict'), pattern], (given, method, where) => {
      const { mask, exchange: done } = pruneByReference(given, method, where);
      for (let row = 0; row < mask.rows; row++) {
        if (isPruned(done!.initialMask, row, 3)) expect(isPruned(mask, row, 3)).toBe(true);
      }
    });
  });

  test('SparseGPT gives finite weights, zero where pruned, and exact groups', () => {
    forAll(200, [layer, pattern, fc.constantFrom(8, 16, 128)], (given, where, blockColumns) => {
      const { mask, weights, report } = pruneByReference(given, { kind: 'sparsegpt', blockColumns }, where);
      weights.values.forEach((w, at) => {
        expect(Number.isFinite(w)).toBe(true);
        if (isPruned(mask, Math.floor(at / COLUMNS), at % COLUMNS)) expect(w).toBe(0);
      });
      expect(isKeptOnGroups(mask, where)).toBe(true);
      if (where.kind === 'unstructured') {
        expect(report.sparsity).toBeGreaterThanOrEqual(Math.floor(where.ratio * 100) / 100 - 1 / COLUMNS);
      }
    });
  });

  test('the radix order is the stable order of comparison, with -0 equal to 0 and NaN last', () => {
    const any = fc.oneof(float, tied, fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e-42, -1e-42));
    forAll(300, [fc.array(any, { maxLength: 200 })], (list) => {
      const keys = Float32Array.from(list);
      const order = new Int32Array(list.length);
      new StableOrder(200).sort(keys, identity(order));
      const nan = (i: number) => Number(Number.isNaN(keys[i]!));
      const expected = [...keys.keys()].sort((a, b) => {
        if (nan(a) + nan(b) > 0) return nan(a) - nan(b) || a - b;
        return keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b;
      });
      expect([...order]).toEqual(expected);
    });
  });

  test('the value at a rank is the one that sorting gives', () => {
    forAll(100, [fc.array(fc.oneof(float, tied), { minLength: 1, maxLength: 100 }), fc.nat()], (list, n) => {
      const index = n % list.length;
      const absolute = Float32Array.from(list, Math.abs).sort();
      expect(valueAtRank(Float32Array.from(list), index)).toBe(Math.abs(absolute[index]!));
    });
  });

  test('U of the inverse Hessian satisfies H · UᵀU = I', () => {
    forAll(100, [values(12 * 8)], (inputs) => {
      const n = 8;
      const accumulator = new HessianAccumulator(n);
      accumulator.addSequence(inputs);
      const { values: h } = accumulator.hessian();
      const u = inverseFactor({ columns: n, values: h }, 0.01);
      const diagonal = Float64Array.from({ length: n }, (_, j) => (u.dead[j] === 1 ? 1 : h[j * n + j]!));
      const damping = (0.01 * diagonal.reduce((a, b) => a + b, 0)) / n;
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          let sum = 0;
          for (let k = 0; k < n; k++) {
            const entry = i === k ? diagonal[i]! + damping : h[Math.min(i, k) * n + Math.max(i, k)]!;
            for (let l = 0; l < n; l++) sum += entry * u.values[l * n + k]! * u.values[l * n + j]!;
          }
          expect(sum).toBeCloseTo(i === j ? 1 : 0, 6);
        }
      }
    });
  });

  test('statistics do not depend on how a sequence is cut into pieces', () => {
    forAll(100, [values(6 * 4), fc.integer({ min: 0, max: 6 })], (inputs, cut) => {
      const whole = new StatisticsAccumulator(4);
      whole.addSequence(inputs);
      const pieces = new StatisticsAccumulator(4);
      pieces.addTokens(inputs.subarray(0, cut * 4));
      pieces.addTokens(inputs.subarray(cut * 4));
      pieces.endSequence();
      pieces.endSequence();
      expect(pieces.statistics()).toEqual(whole.statistics());
    });
  });

  test('the defaults are the published ones, in strict mode', () => {
    expect(DSNOT_DEFAULTS).toEqual({
      mode: 'strict',
      maxCycles: 50,
      updateThreshold: 0.1,
      growVariancePower: 1,
      withoutSameSign: true,
    });
  });
});
