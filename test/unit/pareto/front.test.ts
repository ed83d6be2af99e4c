import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Objective } from '../../../core/sweep/spec.js';
import { dominates, paretoFront } from '../../../judgement/pareto.js';
import { forAll } from '../../support/for-all.js';

type Row = Record<string, number | null>;
const numberOf = (row: Row, metric: string) => row[metric] ?? null;
const objectives = (...better: ('max' | 'min')[]): Objective[] =>
  better.map((b, i) => ({ metric: `m${i}`, better: b }));

/** The definition itself, O(n²). */
function bruteForce(rows: readonly Row[], goals: readonly Objective[]): boolean[] {
  const costs = rows.map((row) => {
    const values = goals.map(({ metric, better }) => {
      const v = row[metric] ?? null;
      return v === null || !Number.isFinite(v) ? null : better === 'min' ? v : -v;
    });
    return values.includes(null) ? null : (values as number[]);
  });
  return costs.map(
    (mine) => mine !== null && !costs.some((other) => other !== null && dominates(other, mine)),
  );
}

describe('paretoFront', () => {
  test('speed against size, as a report asks', () => {
    const rows: Row[] = [
      { speed: 100, bytes: 16 },
      { speed: 150, bytes: 8 },
      { speed: 140, bytes: 9 },
      { speed: 170, bytes: 12 },
      { speed: null, bytes: 1 },
    ];
    const marks = paretoFront(
      rows,
      [
        { metric: 'speed', better: 'max' },
        { metric: 'bytes', better: 'min' },
      ],
      numberOf,
    );
    expect(marks.map((m) => m.onFront)).toEqual([false, true, false, true, false]);
    expect(marks[2]!.dominatedBy).toBe(1);
    expect(marks[4]).toEqual({ onFront: false, dominatedBy: null, missing: 'speed' });
  });

  test('agrees with the definition on any rows, ties and missing values included', () => {
    const cell = fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 0, max: 6 }) },
      { weight: 1, arbitrary: fc.constant(null) },
    );
    const table = fc.integer({ min: 1, max: 4 }).chain((dimensions) =>
      fc.record({
        goals: fc
          .array(fc.constantFrom('max' as const, 'min' as const), {
            minLength: dimensions,
            maxLength: dimensions,
          })
          .map((better) => objectives(...better)),
        rows: fc.array(
          fc
            .array(cell, { minLength: dimensions, maxLength: dimensions })
            .map((cells): Row => Object.fromEntries(cells.map((c, i) => [`m${i}`, c]))),
          { maxLength: 40 },
        ),
      }),
    );
    forAll(100, [table], ({ goals, rows }) => {
      const marks = paretoFront(rows, goals, numberOf);
      expect(marks.map((m) => m.onFront)).toEqual(bruteForce(rows, goals));
      for (const [i, mark] of marks.entries()) {
        if (mark.dominatedBy === null) continue;
        const cost = (row: Row) => goals.map((g) => (g.better === 'min' ? row[g.metric]! : -row[g.metric]!));
        expect(dominates(cost(rows[mark.dominatedBy]!), cost(rows[i]!))).toBe(true);
        expect(marks[mark.dominatedBy]!.onFront).toBe(true);
      }
    });
  });

  test('equal rows share their fate; without objectives nobody is beaten; NaN is missing', () => {
    const twins: Row[] = [
      { m0: 1, m1: 1 },
      { m0: 1, m1: 1 },
      { m0: 0, m1: Number.NaN },
    ];
    const marks = paretoFront(twins, objectives('max', 'max'), numberOf);
    expect(marks.map((m) => m.onFront)).toEqual([true, true, false]);
    expect(marks[2]!.missing).toBe('m1');
    expect(paretoFront(twins, [], numberOf).every((m) => m.onFront)).toBe(true);
    expect(paretoFront([], objectives('min'), numberOf)).toEqual([]);
  });

  test('ten thousand rows that all lie on the front are no trouble', () => {
    const rows: Row[] = Array.from({ length: 10_000 }, (_, i) => ({
      m0: i,
      m1: -i,
      m2: (i * 7919) % 10_007,
    }));
    expect(paretoFront(rows, objectives('max', 'max'), numberOf).every((m) => m.onFront)).toBe(true);
    expect(paretoFront(rows, objectives('max', 'max', 'min'), numberOf).every((m) => m.onFront)).toBe(true);
  });
});
