import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ratioOfCount } from '../../../core/techniques/pruning/allocation/balance.js';
import { allocateByBlock } from '../../../core/techniques/pruning/allocation/blocks.js';
import { allocationNamed } from '../../../core/techniques/pruning/allocation/index.js';
import { outlierShare } from '../../../core/techniques/pruning/allocation/owl.js';
import { allocateBySensitivity } from '../../../core/techniques/pruning/allocation/sensitivity.js';
import type { Layer } from '../../../core/techniques/pruning/layer.js';
import { applyMask } from '../../../core/techniques/pruning/mask.js';
import { copyOf } from '../../../core/techniques/pruning/matrix.js';
import { OutputErrors } from '../../../core/techniques/pruning/output-error.js';
import { outputError } from '../../../core/techniques/pruning/report.js';
import { forAll } from '../../support/for-all.js';
import { pruneByReference, REFERENCE } from '../../support/pruning/engine.js';
import { HessianAccumulator } from '../../support/pruning/hessian.js';
import { squaredOutput } from '../../support/pruning/output-error.js';
import { StatisticsAccumulator } from '../../support/pruning/statistics.js';

const layers = fc.array(
  fc.record({
    rows: fc.integer({ min: 1, max: 400 }),
    columns: fc.integer({ min: 8, max: 400 }),
    relativeError: fc.oneof(fc.double({ min: 1e-6, max: 10, noNaN: true }), fc.constantFrom(0, null)),
  }),
  { minLength: 1, maxLength: 30 },
);

describe('ratios by sensitivity', () => {
  test('come out at the overall one, within the spread, the most sensitive least', () => {
    fc.assert(
      fc.property(
        layers,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (shapes, ratio, spread) => {
          const named = shapes.map((layer, i) => ({ name: `l${i}`, ...layer }));
          const ratios = allocateBySensitivity(named, ratio, spread);
          const pruned = named.reduce(
            (sum, { name, rows, columns }) => sum + rows * Math.trunc(columns * ratios.get(name)!),
            0,
          );
          const all = named.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
          expect(pruned).toBeLessThanOrEqual(all * ratio + 1);
          // Never a row of the smallest layer too few, unless the spread lets no layer take it.
          for (const { name, columns } of named) {
            const own = ratios.get(name)!;
            expect(own).toBeGreaterThanOrEqual(Math.max(0, ratio - spread) - 1 / columns - 1e-9);
            expect(own).toBeLessThanOrEqual(Math.min(1, ratio + spread) + 1 / columns + 1e-9);
          }
          const missing = all * ratio - pruned;
          const room = named.filter(
            ({ name, columns }) =>
              Math.trunc(columns * ratios.get(name)!) + 1 <= Math.ceil(columns * Math.min(1, ratio + spread)),
          );
          if (room.length > 0) expect(missing).toBeLessThan(Math.min(...room.map(({ rows }) => rows)) + 1);
        },
      ),
    );
  });

  test('are equal where all layers suffer alike, and ordered where they do not', () => {
    const layer = (name: string, relativeError: number) => ({ name, rows: 64, columns: 100, relativeError });
    const same = allocateBySensitivity([layer('a', 0.2), layer('b', 0.2)], 0.5, 0.1);
    expect([...same.values()]).toEqual([0.5, 0.5]);
    // The mean of equal logarithms is theirs only but for rounding.
    const three = [1, 2, 3].map((i) => ({
      name: `${i}`,
      rows: 100 * i,
      columns: 8 * i,
      relativeError: 1.3151e-5,
    }));
    expect([...allocateBySensitivity(three, 0, 1 / 30).values()]).toEqual([0, 0, 0]);
    const ordered = allocateBySensitivity([layer('a', 0.1), layer('b', 0.2), layer('c', 0.4)], 0.5, 0.1);
    expect([...ordered.values()]).toEqual([0.6, 0.5, 0.4]);
  });

  test('name a count that a product in double precision gives back', () => {
    for (let columns = 1; columns < 300; columns++) {
      for (let count = 0; count <= columns; count++) {
        if (Math.trunc(columns * ratioOfCount(count, columns)) !== count)
          throw new Error(`${count} of ${columns}`);
      }
    }
  });
});

describe('ratios by blocks', () => {
  const layer = (name: string, importance: number) => ({ name, rows: 10, columns: 100, importance });

  test('fall linearly with importance, the ends 2 · spread apart, the whole at the overall ratio', () => {
    const blocks = [layer('blk.0.a', 3), layer('blk.1.a', 1), layer('blk.2.a', 2)];
    expect([...allocateByBlock(blocks, 0.5, 0.1).values()]).toEqual([0.4, 0.6, 0.5]);
    expect([...allocateByBlock(blocks.slice(0, 2), 0.5, 0.2).values()]).toEqual([0.3, 0.7]);
    // Nothing is pruned more than whole, nor less than not at all.
    expect([...allocateByBlock(blocks.slice(0, 2), 0.9, 0.2).values()]).toEqual([0.8, 1]);
    expect([...allocateByBlock([layer('blk.0.a', 2), layer('blk.1.a', 2)], 0.5, 0.1).values()]).toEqual([
      0.5, 0.5,
    ]);
  });

  test('an outlier is a weight whose score is above a multiple of the mean of its block', () => {
    const weights = { rows: 2, columns: 2, values: Float32Array.of(1, -1, 2, -10) };
    const other = { rows: 1, columns: 2, values: Float32Array.of(0, 3) };
    // Scores 2, 1, 4, 10 and 0, 3: their mean is 20 / 6.
    const scored = [
      { weights, factors: Float32Array.of(2, 1) },
      { weights: other, factors: Float32Array.of(1, 1) },
    ];
    expect(outlierShare(scored, 1)).toBeCloseTo(2 / 6, 12);
    expect(outlierShare(scored, 2)).toBeCloseTo(1 / 6, 12);
    expect(outlierShare(scored, 3)).toBe(0);
    expect(outlierShare(scored.slice(0, 1), 0)).toBe(1);
  });

  /** Layers of two blocks: the second is of outliers, and its outputs are a hundred times as large. */
  const blocks = () =>
    ['blk.0.attn_q.weight', 'blk.0.ffn_up.weight', 'blk.1.attn_q.weight', 'blk.1.ffn_up.weight'].map(
      (name, i): Layer => {
        const inputs = Float32Array.from({ length: 64 * 16 }, (_, at) => Math.sin(at * at + i));
        const values = Float32Array.from({ length: 4 * 16 }, (_, at) =>
          i < 2 ? Math.cos(at + i) : at % 8 === 0 ? 20 : 0.1 + Math.abs(Math.sin(at)),
        );
        const [hessian, statistics] = [new HessianAccumulator(16), new StatisticsAccumulator(16)];
        hessian.addSequence(inputs);
        statistics.addSequence(inputs);
        const weights = { rows: 4, columns: 16, values };
        return { name, weights, statistics: statistics.statistics()!, hessian: hessian.hessian() };
      },
    );
  const ratiosBy = (name: 'owl' | 'lsa', of: readonly Layer[]) => {
    const method = { kind: 'wanda' } as const;
    const asked = { method, ratio: 0.5, spread: 0.125, outlierFactor: 5, engine: REFERENCE };
    const measurement = allocationNamed(name)!.begin(asked);
    for (const one of of) measurement.see(one);
    return [...measurement.ratios().values()];
  };

  test('owl spares the block of outliers, lsa prunes what loses most by halves', () => {
    expect(ratiosBy('owl', blocks())).toEqual([0.625, 0.625, 0.375, 0.375]);
    const [first, , second] = ratiosBy('lsa', blocks());
    expect([first, second].toSorted()).toEqual([0.375, 0.625]);
    const lost = blocks().map(({ weights, statistics, hessian }) => {
      const { mask } = pruneByReference(
        { name: '', weights, statistics, hessian },
        { kind: 'swaps', first: { kind: 'wanda' }, maxSwaps: 1000 },
        { kind: 'unstructured', ratio: 0.5 },
      );
      const pruned = copyOf(weights);
      applyMask(pruned, mask);
      return squaredOutput(weights, pruned, hessian!).reduce((sum, square) => sum + square, 0);
    });
    expect(first! > second!).toBe(lost[0]! + lost[1]! > lost[2]! + lost[3]!);
  });

  test('blocks that are alike get one ratio', () => {
    const [q, up] = blocks();
    const twins = [q!, up!, { ...q!, name: 'blk.1.attn_q.weight' }, { ...up!, name: 'blk.1.ffn_up.weight' }];
    for (const name of ['owl', 'lsa'] as const) expect(ratiosBy(name, twins)).toEqual([0.5, 0.5, 0.5, 0.5]);
  });
});

describe('output errors from the Hessian', () => {
  const random = fc.float({ min: -2, max: 2, noNaN: true });
  const numbers = (count: number) =>
    fc.array(random, { minLength: count, maxLength: count }).map((v) => Float32Array.from(v));

  test('are those of the outputs themselves', () => {
    forAll(50, [numbers(3 * 8), numbers(3 * 8), numbers(10 * 8), numbers(5 * 8)], (a, b, first, second) => {
      const dense = { rows: 3, columns: 8, values: a };
      const pruned = { rows: 3, columns: 8, values: b.map((value, i) => (i % 2 ? a[i]! : value)) };
      const hessian = new HessianAccumulator(8);
      const statistics = new StatisticsAccumulator(8);
      for (const sequence of [first, second]) {
        hessian.addSequence(sequence);
        statistics.addSequence(sequence);
      }
      const errors = new OutputErrors(REFERENCE, dense, hessian.hessian(), statistics.statistics()!);
      const found = errors.errorOf(pruned);
      const direct = outputError(dense, pruned, Float32Array.from([...first, ...second]))!;
      expect(found.meanSquare).toBeCloseTo(direct.meanSquare, 5);
      if (direct.relative !== null && direct.relative < 100)
        expect(found.relative).toBeCloseTo(direct.relative, 3);
      expect(squaredOutput(dense, dense, hessian.hessian())).toEqual(new Float64Array(3));
    });
  });
});
