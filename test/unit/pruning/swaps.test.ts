import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hessian } from '../../../core/techniques/pruning/hessian.js';
import type { Layer, PruningMethod } from '../../../core/techniques/pruning/layer.js';
import { applyMask, type Mask, prunedInRow } from '../../../core/techniques/pruning/mask.js';
import { copyOf, type Matrix } from '../../../core/techniques/pruning/matrix.js';
import type { NamedMethod } from '../../../core/techniques/pruning/methods/index.js';
import type { Pattern } from '../../../core/techniques/pruning/pattern.js';
import { forAll } from '../../support/for-all.js';
import { pruneByReference } from '../../support/pruning/engine.js';
import { flip, isPruned } from '../../support/pruning/mask.js';
import { squaredOutput } from '../../support/pruning/output-error.js';
import { COLUMNS, exact, layer, pattern } from './arbitraries.js';
import { isKeptOnGroups } from './invariants.js';

const first = fc.oneof(
  exact as fc.Arbitrary<NamedMethod>,
  fc.constant<NamedMethod>({ kind: 'sparsegpt', blockColumns: 8 }),
);
const refined = (method: NamedMethod, maxSwaps: number): PruningMethod => ({
  kind: 'swaps',
  first: method,
  maxSwaps,
});

/** What rounding may make of a sum of all energies of a row. */
const roundingOf = ({ weights, hessian }: Layer) => {
  const zero = { ...weights, values: weights.values.map(() => 0) };
  const energies = weights.values.reduce(
    (sum, w, at) => sum + w * w * hessian!.values[(at % COLUMNS) * (COLUMNS + 1)]!,
    0,
  );
  return 1e-9 * (energies + squaredOutput(weights, zero, hessian!).reduce((sum, square) => sum + square, 0));
};

/** Every mask that one swap makes of a row's. */
function* swapped(mask: Mask, row: number, where: Pattern): Generator<Mask> {
  const group = where.kind === 'grouped' ? where.group : COLUMNS;
  for (let u = 0; u < COLUMNS; u++) {
    for (let p = u - (u % group); isPruned(mask, row, u) && p < u - (u % group) + group; p++) {
      if (isPruned(mask, row, p)) continue;
      const other = { ...mask, bits: mask.bits.slice() };
      flip(other, row, u);
      flip(other, row, p);
      yield other;
    }
  }
}

function squareUnder(dense: Matrix, values: Matrix, mask: Mask, hessian: Hessian, row: number): number {
  const pruned = copyOf(values);
  applyMask(pruned, mask);
  return squaredOutput(dense, pruned, hessian)[row]!;
}

/** What a weight is where it is kept: what a method made of it, and where that pruned it the dense one. */
function valuesOf(given: Layer, method: NamedMethod, where: Pattern): Matrix {
  const { weights, mask } = pruneByReference(given, method, where);
  const values = weights.values.map((value, at) =>
    isPruned(mask, Math.floor(at / COLUMNS), at % COLUMNS) ? given.weights.values[at]! : value,
  );
  return { ...weights, values };
}

describe('refinement by swaps', () => {
  test('never raises an error, says what it is, and keeps the pattern and every value', () => {
    forAll(150, [layer, first, pattern], (given, method, where) => {
      const values = valuesOf(given, method, where);
      const before = pruneByReference(given, method, where);
      const { mask, weights, refinement } = pruneByReference(given, refined(method, 1000), where);
      const rounding = roundingOf(given);
      expect(refinement!.initialMask.bits).toEqual(before.mask.bits);
      expect(isKeptOnGroups(mask, where)).toBe(isKeptOnGroups(before.mask, where));
      const found = squaredOutput(given.weights, weights, given.hessian!);
      for (let row = 0; row < weights.rows; row++) {
        expect(prunedInRow(mask, row)).toBe(prunedInRow(before.mask, row));
        expect(refinement!.squaresAfter[row]).toBeLessThanOrEqual(refinement!.squaresBefore[row]! + rounding);
        expect(Math.abs(found[row]! - refinement!.squaresAfter[row]!)).toBeLessThanOrEqual(rounding);
        for (let j = 0; j < COLUMNS; j++) {
          const at = row * COLUMNS + j;
          expect(weights.values[at]).toBe(isPruned(mask, row, j) ? 0 : values.values[at]);
        }
      }
    });
  });

  test('ends where the error of no neighbour, computed anew, is lower', () => {
    forAll(40, [layer, first, pattern], (given, method, where) => {
      const values = valuesOf(given, method, where);
      const { mask } = pruneByReference(given, refined(method, 1000), where);
      const rounding = roundingOf(given);
      for (let row = 0; row < mask.rows; row++) {
        const reached = squareUnder(given.weights, values, mask, given.hessian!, row);
        for (const other of swapped(mask, row, where)) {
          const neighbour = squareUnder(given.weights, values, other, given.hessian!, row);
          expect(neighbour).toBeGreaterThanOrEqual(reached - rounding);
        }
      }
    });
  });

  test('takes the best of all pairs first', () => {
    forAll(40, [layer, first, pattern], (given, method, where) => {
      const values = valuesOf(given, method, where);
      const { mask, refinement } = pruneByReference(given, refined(method, 1), where);
      const { initialMask, swaps } = refinement!;
      const rounding = roundingOf(given);
      for (let row = 0; row < mask.rows; row++) {
        expect(swaps[row]).toBeLessThanOrEqual(1);
        const all = [...swapped(initialMask, row, where)].map((other) =>
          squareUnder(given.weights, values, other, given.hessian!, row),
        );
        const made = squareUnder(given.weights, values, mask, given.hessian!, row);
        expect(made).toBeLessThanOrEqual(Math.min(Number.POSITIVE_INFINITY, ...all) + rounding);
      }
    });
  });

  test('none at a bound of 0', () => {
    forAll(30, [layer, first, pattern], (given, method, where) => {
      const { mask, refinement } = pruneByReference(given, refined(method, 0), where);
      expect(mask).toEqual(pruneByReference(given, method, where).mask);
      expect(refinement!.swaps.every((swaps) => swaps === 0)).toBe(true);
    });
  });
});
