import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allocateBySensitivity, ratioOfCount } from '../../../core/techniques/pruning/allocation.js';
import { OutputErrors } from '../../../core/techniques/pruning/output-error.js';
import { outputError } from '../../../core/techniques/pruning/report.js';
import { forAll } from '../../support/for-all.js';
import { REFERENCE } from '../../support/pruning/engine.js';
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
