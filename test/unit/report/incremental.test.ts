import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ResultRecord } from '../../../core/result/result.js';
import type { Objective } from '../../../core/sweep/spec.js';
import { buildReport } from '../../../report/build.js';
import { Sorted } from '../../../report/incremental/metrics.js';
import { IncrementalReport } from '../../../report/incremental/report.js';
import { forAll } from '../../support/for-all.js';
import { completeTrial } from '../../support/records.js';
import { sweepRecords } from '../../support/sweep-records.js';
import { techniqueRecords } from '../../support/technique-records.js';

const OBJECTIVES: readonly Objective[] = [
  { metric: 'decodeTokensPerSecond', better: 'max' },
  { metric: 'modelBytes', better: 'min' },
  { metric: 'perplexity', better: 'min' },
  { metric: 'peakResidentBytes', better: 'min' },
];
/** Sweeps of different kinds, with retries, controls that drift, and two nodes. */
const SWEEPS: readonly (readonly ResultRecord[])[] = [
  sweepRecords({ experiments: 40 }),
  sweepRecords({ experiments: 30, watts: 80 }).map((record, i) =>
    i % 5 === 0 ? { ...record, node: { ...record.node, name: 'other' } } : record,
  ),
  sweepRecords({ experiments: 24 }).map((record) =>
    record.sweep.purpose === 'control' && record.sweep.block % 2 === 1 ? slower(record) : record,
  ),
  techniqueRecords(),
];

function slower(record: ResultRecord): ResultRecord {
  const { experiment, sweep } = record;
  const { position, block } = sweep;
  return completeTrial({ experiment, position, block, purpose: 'control', slower: 1.2 });
}

const arrivals = fc.record({
  sweep: fc.integer({ min: 0, max: SWEEPS.length - 1 }),
  objectives: fc.subarray([...OBJECTIVES]),
  columns: fc.constantFrom(null, ['default', 'bitsPerWeight'], ['perplexity']),
  points: fc.constantFrom(undefined, 100),
  order: fc.infiniteStream(fc.nat()),
  parts: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 40 }),
});

describe('a report that grows', () => {
  test('is the report of all records, in whichever parts and order they come', () => {
    forAll(60, [arrivals], ({ sweep, objectives, columns, points, order, parts }) => {
      const keys = order[Symbol.iterator]();
      const records = (SWEEPS[sweep] ?? [])
        .map((record) => ({ record, key: Number(keys.next().value) }))
        .sort((a, b) => a.key - b.key)
        .map(({ record }) => record);
      const request = { sweepName: 's', objectives, columns, ...(points !== undefined && { points }) };
      const growing = new IncrementalReport(request);
      let at = 0;
      for (const part of [...parts, records.length]) {
        growing.add(records.slice(at, at + part));
        at = Math.min(records.length, at + part);
        growing.report();
      }
      expect(growing.report()).toEqual(buildReport(records, request));
    });
  });

  test('keeps what one more record leaves alone: the same rows, columns and axes', () => {
    const records = sweepRecords({ experiments: 60 });
    const growing = new IncrementalReport({ sweepName: 's', objectives: OBJECTIVES.slice(0, 2), points: 60 });
    const last = records.findLast(({ sweep, valid }) => sweep.purpose === 'measure' && valid)!;
    growing.add(records.filter((record) => record !== last));
    const before = growing.report();
    growing.add([last]);
    const after = growing.report();
    expect(after.rows).toHaveLength(before.rows.length + 1);
    const known = new Set(before.rows);
    const changed = after.rows.filter((row) => !known.has(row));
    expect(changed.flatMap(({ starts }) => starts)).toEqual([last]);
    expect(after.axes).toBe(before.axes);
    expect(after.metrics).toBe(before.metrics);
  });

  test('headlines that are read late are those of the records of then', () => {
    const first = SWEEPS[2]!.slice(0, 16);
    const again = first.map(({ experiment, sweep: { position, block, purpose } }) =>
      completeTrial({ experiment, position, block: block + 10, purpose, slower: 1.2, attempt: 2 }),
    );
    const records = [...first, ...again];
    const growing = new IncrementalReport({ sweepName: 's', objectives: [] });
    growing.add(records.slice(0, 16));
    const early = growing.report();
    growing.add(records.slice(16));
    const late = growing.report().headlines;
    const then = (some: readonly ResultRecord[]) =>
      buildReport(some, { sweepName: 's', objectives: [] }).headlines;
    expect(early.headlines).toEqual(then(records.slice(0, 16)));
    expect(late).toEqual(then(records));
    expect(late).not.toEqual(early.headlines);
  });

  test('a row of a sweep that is followed keeps its number, which is its place in the sweep', () => {
    const records = sweepRecords({ experiments: 40 }).reverse();
    const growing = new IncrementalReport({ sweepName: 's', objectives: OBJECTIVES.slice(0, 2), points: 40 });
    const numbers = new Map<string, number>();
    for (const record of records) {
      growing.add([record]);
      for (const { experimentId, number } of growing.report().rows) {
        expect(number).toBe(numbers.get(experimentId) ?? number);
        numbers.set(experimentId, number);
      }
    }
    const { rows } = growing.report();
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(rows.map(({ number, trial }) => number - trial.sweep.position)).toEqual(rows.map(() => 1));
  });

  test('two experiments of one place, as on two nodes, have two numbers', () => {
    const [first, second] = sweepRecords({ experiments: 4 }).filter(
      ({ sweep }) => sweep.purpose === 'measure',
    );
    const there = { ...second!, sweep: { ...second!.sweep, position: first!.sweep.position } };
    const { rows } = buildReport([first!, there], { sweepName: 's', objectives: [], points: 4 });
    expect(rows.map(({ number }) => number).sort()).toEqual([1, 5]);
  });
});

test('numbers that come and go stay in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { maxLength: 90 }),
      fc.nat(),
      (all, at) => {
        const sorted = new Sorted();
        const own = all.map((value) => Math.round(value * 10) / 10 + 0);
        for (const value of own.slice(0, at)) sorted.add(value);
        void sorted.values;
        for (const value of own.slice(at)) sorted.add(value);
        const [gone, ...rest] = own;
        if (gone !== undefined) sorted.remove(gone);
        sorted.remove(100);
        expect(sorted.values).toEqual(rest.sort((a, b) => a - b));
      },
    ),
  );
});
