import fc from 'fast-check';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import type { Exchange } from '../../../core/techniques/pruning/dsnot/exchange.js';
import { DSNOT_DEFAULTS } from '../../../core/techniques/pruning/dsnot/settings.js';
import type { PruningEngine } from '../../../core/techniques/pruning/engine.js';
import { pruneLayer } from '../../../core/techniques/pruning/layer.js';
import { regrow } from '../../../core/techniques/pruning/mask.js';
import type { NamedMethod } from '../../../core/techniques/pruning/methods/index.js';
import type { Pattern } from '../../../core/techniques/pruning/pattern.js';
import { type Score, wanda } from '../../../core/techniques/pruning/scores.js';
import { KERNEL_CONSTANTS } from '../../../engines/native/gen/kernels.js';
import { kernelsLibrary, openKernelLibrary } from '../../../engines/native/kernel-library.js';
import { openPruningKernels } from '../../../engines/native/kernels.js';
import { forAll } from '../../support/for-all.js';
import { pruneByReference, REFERENCE } from '../../support/pruning/engine.js';
import { exact, exchange, layer, pattern } from '../../unit/pruning/arbitraries.js';
import {
  digest,
  hessianOf,
  manifest,
  methodOf,
  patternOf,
  prune,
  readLayer,
  readTensors,
  settingsOf,
} from '../../unit/pruning/golden.js';

const kernels = inject('kernels');

/** An exchange with its masks as digests: short to compare and to print. */
function digests(exchange: Exchange | null) {
  return exchange && { ...exchange, mask: digest(exchange.mask), initialMask: digest(exchange.initialMask) };
}

describe.skipIf(!kernels.tools)('native pruning (needs cmake and a C++ compiler)', () => {
  const engines: PruningEngine[] = [];
  beforeAll(async () => {
    expect(kernels.failure).toBeNull();
    const library = kernelsLibrary();
    expect(library).toBe(kernels.library);
    // One thread, and more than the rows of a chunk allow.
    for (const threads of [1, 3]) engines.push(await openPruningKernels(library!, threads));
  });

  for (const entry of manifest.layers) {
    const golden = readLayer(entry);

    test(`${entry.layer}: published masks and exchanges, bit for bit`, () => {
      for (const c of entry.cases) {
        const expected = prune(c, golden);
        for (const engine of engines) {
          const result = prune(c, golden, engine);
          if (c.mask?.sha256 !== undefined) expect(digest(result.mask), c.id).toBe(c.mask.sha256);
          expect(digests(result.exchange), c.id).toEqual(digests(expected.exchange));
          expect(digest(result.mask), c.id).toBe(digest(expected.mask));
          if (c.weights_after === undefined) continue;
          const weights = readTensors(c.weights_after.file).get(c.weights_after.tensor)!;
          weights.forEach((w, i) => {
            if (!(Math.abs(w - result.weights.values[i]!) < 1e-5)) expect(result.weights.values[i]).toBe(w);
          });
        }
      }
    });

    test(`${entry.layer}: strict exchanges as the reference makes them`, () => {
      const hessian = hessianOf(golden);
      for (const c of entry.cases) {
        const method = methodOf(c);
        if (method.kind !== 'dsnot') continue;
        const settings = settingsOf(c, 'strict');
        const run = (by: PruningEngine) =>
          pruneLayer({ ...golden.layer, hessian }, { ...method, settings }, patternOf(c), by);
        const { exchange } = run(REFERENCE);
        for (const engine of engines) expect(digests(run(engine).exchange), c.id).toEqual(digests(exchange));
      }
    });
  }

  test('any layer, method and pattern: the masks of the reference', () => {
    const methods = fc.oneof(exact, exchange('strict'), exchange('reference'));
    forAll(300, [layer, methods, pattern], (given, method, where) => {
      // The first mask of SparseGPT depends on the last bits of the factor where weights tie.
      if (method.kind === 'dsnot' && method.initial === 'sparsegpt') return;
      const expected = pruneByReference(given, method, where);
      for (const engine of engines) {
        const result = pruneLayer(given, method, where, engine);
        expect(result.mask).toEqual(expected.mask);
        expect(digests(result.exchange)).toEqual(digests(expected.exchange));
      }
    });
  });

  test('any layer, first mask and pattern: the swaps of the reference, which looks at every pair', () => {
    forAll(200, [layer, exact as fc.Arbitrary<NamedMethod>, pattern], (given, first, where) => {
      const method = { kind: 'swaps', first, maxSwaps: 1000 } as const;
      if (first.kind === 'dsnot' && first.initial === 'sparsegpt') return;
      const expected = pruneByReference(given, method, where);
      for (const engine of engines)
        expect(pruneLayer(given, method, where, engine).refinement).toEqual(expected.refinement);
    });
  });

  test.each<Pattern>([
    { kind: 'unstructured', ratio: 0.6 },
    { kind: 'grouped', pruned: 2, group: 4 },
    { kind: 'grouped', pruned: 4, group: 8 },
  ])('swaps of %o in wide rows, also of weights that SparseGPT moved, and under a bound', (where) => {
    const golden = readLayer(manifest.layers.find((l) => l.in_features > 200)!);
    const hessian = hessianOf(golden);
    const dense = { ...golden.layer.weights, rows: 24 };
    dense.values = dense.values.subarray(0, 24 * dense.columns);
    const factor = REFERENCE.inverseFactor(hessian, 0.01);
    const updated = REFERENCE.sparseGpt(dense, factor, where, 128);
    const regrown = updated.weights.values.map((value, at) => (value === 0 ? dense.values[at]! : value));
    const ofWanda = REFERENCE.selectByRow(dense, wanda(golden.layer.statistics!), where);
    for (const maxSwaps of [3, 1000]) {
      for (const [values, mask] of [
        [dense, ofWanda],
        [{ ...dense, values: regrown }, updated.mask],
      ] as const) {
        const by = (engine: PruningEngine) => engine.swaps(dense, values, mask, hessian, where, maxSwaps);
        const expected = by(REFERENCE);
        expect(expected.swaps.reduce((sum, swaps) => sum + swaps, 0)).toBeGreaterThan(24);
        for (const engine of engines) expect(by(engine)).toEqual(expected);
      }
    }
  });

  test('factors of channels are what they say in every engine, also as the first mask of DSnoT', () => {
    const golden = readLayer(manifest.layers[0]!);
    const { weights, statistics } = golden.layer;
    // The order that Wanda has, turned round: an engine that took Wanda's own norms would be found.
    const score: Score = {
      kind: 'scaled',
      factors: wanda(statistics!).factors.map((norm) => 1 / (1 + norm)),
    };
    const half = { kind: 'unstructured' as const, ratio: 0.5 };
    const byScore = digest(REFERENCE.selectByRow(weights, score, half));
    const byWanda = digest(REFERENCE.selectByRow(weights, wanda(statistics!), half));
    expect(byScore).not.toBe(byWanda);
    const exchanged = (engine: PruningEngine, first: Score, where: Pattern) =>
      digests(engine.dsnot(weights, statistics!, first, where, DSNOT_DEFAULTS));
    for (const engine of engines) {
      expect(digest(engine.selectByRow(weights, score, half))).toBe(byScore);
      for (const where of [half, { kind: 'grouped' as const, pruned: 2, group: 4 }]) {
        for (const first of [score, wanda(statistics!)])
          expect(exchanged(engine, first, where)).toEqual(exchanged(REFERENCE, first, where));
      }
      expect(exchanged(engine, score, half)!.initialMask).toBe(byScore);
    }
  });

  test('DSnoT from a mask that is given, of weights that were updated, is that of the reference', () => {
    forAll(
      200,
      [layer, exchange('strict'), exchange('reference'), pattern],
      (given, strict, other, where) => {
        const factor = REFERENCE.inverseFactor(given.hessian!, 0.01);
        const { mask, weights } = REFERENCE.sparseGpt(given.weights, factor, where, 8);
        regrow(weights, given.weights, mask);
        const lost = Float32Array.from({ length: weights.rows }, (_, row) => 3 * Math.sin(row));
        const first = { kind: 'given', mask, lost } as const;
        for (const method of [strict, other]) {
          if (method.kind !== 'dsnot') throw new Error(method.kind);
          const by = (engine: PruningEngine) =>
            engine.dsnot(weights, given.statistics!, first, where, method.settings);
          const expected = by(REFERENCE);
          expect(expected.initialMask).toEqual(mask);
          for (const engine of engines) expect(digests(by(engine))).toEqual(digests(expected));
        }
      },
    );
  });

  test('a score that the library does not know is refused, not taken for the magnitude', async () => {
    const { functions } = await openKernelLibrary(kernelsLibrary()!, 'pruning');
    const { ridge_select: select, ridge_dsnot: dsnot } = functions;
    const mask = new Uint8Array(1);
    const by = (score: string) => select(Float32Array.of(1, 2), 1, 2, score, null, null, 1, 0, 1, mask);
    expect([by('magnitude'), mask[0]]).toEqual([0, 1]);
    expect(by('random')).toBe(KERNEL_CONSTANTS.RIDGE_UNKNOWN_SCORE);
    const [two, bit] = [Float32Array.of(1, 2), new Uint8Array(1)];
    const counts = new BigInt64Array(5);
    const from = (initial: string) =>
      dsnot(two, 1, 2, two, two, null, initial, two, null, null, 1, 0, 1, 0.1, 0, 0, 1, bit, mask, counts);
    expect([from('scaled'), from('random')]).toEqual([0, KERNEL_CONSTANTS.RIDGE_UNKNOWN_SCORE]);
  });

  test('a Hessian that cannot be inverted is the same failure', () => {
    const hessian = { columns: 8, values: new Float64Array(64).fill(-1) };
    for (const engine of [...engines, REFERENCE]) {
      expect(() => engine.inverseFactor(hessian, 0.01)).toThrow('not positive definite at channel 7');
    }
  });

  test('squared outputs are those of the reference, the same at any number of threads', () => {
    const golden = readLayer(manifest.layers[0]!);
    const hessian = hessianOf(golden);
    const half = {
      ...golden.layer.weights,
      values: golden.layer.weights.values.map((value, i) => (i % 2 === 0 ? value : 0)),
    };
    for (const other of [null, half]) {
      const expected = REFERENCE.squaredOutput(golden.layer.weights, other, hessian);
      const [one, three] = engines.map((engine) =>
        engine.squaredOutput(golden.layer.weights, other, hessian),
      );
      expect(one).toEqual(three);
      one!.forEach((square, row) => {
        expect(Math.abs(square / expected[row]! - 1)).toBeLessThan(1e-9);
      });
    }
  });

  test('the factor of a Hessian of several blocks is that of the reference', () => {
    const golden = readLayer(manifest.layers.find((l) => l.in_features > 200)!);
    const hessian = hessianOf(golden);
    const expected = REFERENCE.inverseFactor(hessian, 0.01);
    for (const engine of engines) {
      const { values, dead } = engine.inverseFactor(hessian, 0.01);
      expect(dead).toEqual(expected.dead);
      values.forEach((v, i) => {
        const difference = Math.abs(v - expected.values[i]!);
        if (!(difference <= 1e-9 * (1 + Math.abs(v)))) expect(v).toBe(expected.values[i]);
      });
    }
  });

  test('a file that is no library of ours says so', async () => {
    await expect(openPruningKernels(import.meta.filename, 1)).rejects.toMatchObject({
      failure: { code: 'engine-missing' },
    });
  });
});
