import { expect, test } from 'vitest';
import { Allowance } from '../../../agent/factors/measure.js';
import { benches } from '../../../agent/factors/plan.js';

const USUAL = { cacheBytes: 32e6, memoryBytes: 24e9, quick: false };

/** Benches that take so long each, on a clock of their own. */
function world(seconds: readonly number[], allowed: number | null) {
  let now = 100;
  const allowance = new Allowance(allowed, () => now);
  const work = seconds.map((each, i) => () => {
    now += each;
    return i;
  });
  return { allowance, work };
}

test('what would end beyond its share of the time is left out', async () => {
  const { allowance, work } = world([1, 1, 1, 1, 1], 6);
  expect(await allowance.runWithinShare(0.5, work)).toEqual([0, 1, 2]);
  expect(await allowance.runWithinShare(1, work)).toEqual([0, 1, 2]);
});

test('the first is done however late it is, and all are where nothing limits them', async () => {
  const late = world([10, 10], 6);
  await late.allowance.runWithinShare(1, late.work);
  expect(await late.allowance.runWithinShare(1, late.work)).toEqual([0]);
  const free = world([10, 10, 10], null);
  expect(await free.allowance.runWithinShare(0.1, free.work)).toEqual([0, 1, 2]);
});

test('the first quarter of the benches has something of every group', () => {
  const all = benches(['f16', 'q8_0', 'q6_k', 'q4_k'], USUAL);
  const groupOf = (bench: (typeof all)[number]) =>
    bench.kind === 'product'
      ? bench.shape.weights
      : bench.kind === 'elementwise'
        ? bench.shape.kind
        : bench.kind;
  const groups = new Set(all.map(groupOf));
  groups.delete('node');
  expect(all[0]).toEqual({ kind: 'node' });
  expect(new Set(all.slice(1, all.length / 4).map(groupOf))).toEqual(groups);
});

test('a huge cache has a working set that it cannot hold, and where time is short one bench of it says it for all', () => {
  const largest = (machine: Parameters<typeof benches>[1]) =>
    benches(['f16', 'q4_0'], machine).flatMap((bench) => {
      if (bench.kind !== 'product') return [];
      const { inputs, outputs, copies, weights } = bench.shape;
      const bytes = inputs * outputs * copies * (weights === 'f16' ? 2 : 18 / 32);
      return bytes > 1e9 ? [weights] : [];
    });
  const huge = { ...USUAL, cacheBytes: 480e6 };
  expect(largest(huge).filter((type) => type === 'q4_0')).toHaveLength(4);
  expect(largest({ ...huge, quick: true })).toEqual(['f16']);
  expect(largest({ ...huge, memoryBytes: 4e9 })).toEqual([]);
  expect(largest(USUAL)).toEqual([]);
  expect(benches(['f16'], USUAL)).toHaveLength(benches(['f16'], { ...USUAL, quick: true }).length);
});
