import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Layer } from '../../../core/techniques/pruning/layer.js';
import { rowOf } from '../../../core/techniques/pruning/matrix.js';
import type { Dsnot } from '../../../core/techniques/pruning/methods/dsnot.js';
import type { NamedMethod } from '../../../core/techniques/pruning/methods/index.js';
import { forAll } from '../../support/for-all.js';
import { pruneByReference } from '../../support/pruning/engine.js';
import { isPruned } from '../../support/pruning/mask.js';
import { COLUMNS, exchange, layer, pattern } from './arbitraries.js';
import { isKeptOnGroups } from './invariants.js';

const SPARSEGPT: NamedMethod = { kind: 'sparsegpt', damping: 0.01 };
const updating = (mode: 'strict' | 'reference'): fc.Arbitrary<Dsnot> =>
  exchange(mode).map((method) => ({ ...(method as Dsnot), initial: 'sparsegpt', updates: true }));

/** Σ (W − W′) · S of a row: what its output lost over a sequence. */
const lostIn = ({ weights, statistics }: Layer, values: Float32Array, row: number) =>
  rowOf(weights, row).reduce((sum, w, j) => sum + (w - values[j]!) * statistics!.sumPerSequence[j]!, 0);

describe('DSnoT on weights that SparseGPT updated', () => {
  test('keeps the updated weights, brings dense ones back, and never raises what a row lost', () => {
    forAll(150, [layer, updating('strict'), pattern], (given, method, where) => {
      const first = pruneByReference(given, SPARSEGPT, where);
      const { mask, weights, exchange: made } = pruneByReference(given, method, where);
      expect(made!.initialMask).toEqual(first.mask);
      expect(isKeptOnGroups(mask, where)).toBe(isKeptOnGroups(first.mask, where));
      for (let row = 0; row < weights.rows; row++) {
        for (let j = 0; j < COLUMNS; j++) {
          const at = row * COLUMNS + j;
          const kept = isPruned(first.mask, row, j) ? given.weights.values[at] : first.weights.values[at];
          expect(weights.values[at]).toBe(isPruned(mask, row, j) ? 0 : kept);
        }
        const [before, after] = [first, { weights }].map((one) =>
          lostIn(given, rowOf(one.weights, row), row),
        );
        const size = rowOf(given.weights, row).reduce(
          (sum, w, j) => sum + Math.abs(w * given.statistics!.sumPerSequence[j]!),
          Math.abs(before!),
        );
        // Sums in single precision inside, in double precision here.
        expect(Math.abs(after!)).toBeLessThanOrEqual(Math.abs(before!) + 1e-4 * (1 + size));
      }
    });
  });

  test('without an exchange it is SparseGPT', () => {
    forAll(
      50,
      [layer, fc.constantFrom('strict' as const, 'reference' as const), pattern],
      (given, mode, where) => {
        const settings = {
          mode,
          maxCycles: 0,
          updateThreshold: 0,
          growVariancePower: 1,
          withoutSameSign: true,
        };
        const method = {
          kind: 'dsnot',
          initial: 'sparsegpt',
          updates: true,
          damping: 0.01,
          settings,
        } as const;
        const [alone, both] = [SPARSEGPT, method].map((one) => pruneByReference(given, one, where));
        expect(both!.mask).toEqual(alone!.mask);
        expect(both!.weights.values.map((value) => value + 0)).toEqual(
          alone!.weights.values.map((v) => v + 0),
        );
      },
    );
  });
});
