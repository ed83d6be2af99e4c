import { expect, test } from 'vitest';
import type { AxisValue } from '../../../core/experiment/experiment.js';
import type { Grid } from '../../../core/sweep/grid.js';
import type { Space } from '../../../core/sweep/space.js';
import { Searcher } from '../../../search/searcher.js';
import { type SearchSpace, searchSpace } from '../../../search/space.js';
import { MOST_SHOWN, Surrogate } from '../../../search/surrogate.js';

/** As many as an axis may have. */
const VALUES = 10_000;
const AXES = 3;

/** Lists of numbers that count how often somebody reads one of them. */
function counted(): { readonly lists: readonly (readonly AxisValue[])[]; readonly reads: () => number } {
  let reads = 0;
  const lists = Array.from({ length: AXES }, (_, axis) => {
    const values = Array.from({ length: VALUES }, (_, index) => 1 + axis + index);
    return new Proxy(values, {
      get(target, key) {
        if (typeof key === 'string' && /^\d+$/.test(key)) reads += 1;
        return Reflect.get(target, key);
      },
    });
  });
  return { lists, reads: () => reads };
}

/** A sweep of so many grids that share their lists of values: each has every combination. */
function spaceOf(lists: readonly (readonly AxisValue[])[], grids = 1): Space {
  const dimensions = lists.map((values, axis) => ({ axes: [{ name: `a${axis}`, values }], size: VALUES }));
  const grid = { runner: 'fake', workload: 'latency', dimensions, places: new Map(), included: false };
  const size = VALUES ** AXES;
  return {
    count: grids * size,
    grids: Array.from({ length: grids }, () => ({ ...grid, size }) as Grid),
    locate(position) {
      const within = position % size;
      const indices = Int32Array.from(lists, (_, axis) => Math.floor(within / VALUES ** axis) % VALUES);
      return { grid: Math.floor(position / size), indices };
    },
    positionOf: (at, indices) =>
      at * size + indices.reduce((sum, index, axis) => sum + index * VALUES ** axis, 0),
  } as Partial<Space> as Space;
}

/** A space that counts how often two values are compared. */
function comparing(space: SearchSpace): { readonly space: SearchSpace; readonly compared: () => number } {
  let compared = 0;
  const axes = space.axes.map((axis) => ({
    ...axis,
    distance: (from: number, to: number) => {
      compared += 1;
      return axis.distance(from, to);
    },
  }));
  return { space: { ...space, axes }, compared: () => compared };
}

test('a space reads each value of its axes some few times, however many grids share them', () => {
  for (const grids of [1, 50]) {
    const { lists, reads } = counted();
    const space = searchSpace(spaceOf(lists, grids));
    expect(space.axes.filter(({ size }) => size === VALUES)).toHaveLength(AXES);
    expect(reads()).toBeLessThanOrEqual(2 * AXES * VALUES);
    const digits = space.digitsAt(123_456_789);
    expect(space.positionOf(digits)).toBe(123_456_789);
  }
});

test.each(['tpe', 'nsga2'] as const)(
  '%s compares the values that were measured with others, and not all with all',
  (strategy) => {
    const measured = 40;
    const { space, compared } = comparing(searchSpace(spaceOf(counted().lists)));
    const searcher = new Searcher(space, {
      spec: {
        strategy,
        seed: 1,
        budget: { trials: null, deviceHours: null, joules: null },
        leastGainPerDeviceHour: null,
        constraints: [],
        predict: false,
        fidelity: 'full',
      },
      objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' }],
      physics: () => [],
      labelOf: String,
    });
    for (let trial = 0; trial < measured; trial += 1) {
      const position = searcher.ask()!;
      const value = 1 + (position % 97);
      searcher.tell({ position, values: { decodeTokensPerSecond: value }, seconds: 1, joules: null });
    }
    const before = compared();
    expect(searcher.ask()).not.toBeNull();
    // All with all would be 300 million; each of the measured ones once with every value is 1.2 million.
    expect(compared() - before).toBeLessThanOrEqual(AXES * measured * VALUES);
  },
);

test('a model of costs is shown some of many points, and compares their values alone', () => {
  const { space, compared } = comparing(searchSpace(spaceOf(counted().lists)));
  const shown = (points: number) =>
    Array.from({ length: points }, (_, n) => ({
      position: 7 * n,
      digits: space.digitsAt(7 * n),
      costs: [n],
      violation: 0,
      starts: 1,
      seconds: 1,
    }));
  const of = (points: number) => {
    const before = compared();
    const model = Surrogate.fit(space, () => [], shown(points))!;
    return { model, compared: compared() - before };
  };
  const few = of(MOST_SHOWN);
  expect(few.model.predict(7 * 100).costs[0]).toBeGreaterThan(few.model.predict(0).costs[0]!);
  const many = of(10 * MOST_SHOWN);
  expect(many.model.predict(7 * 1000).costs[0]).toBeGreaterThan(many.model.predict(0).costs[0]!);
  expect(few.compared).toBeGreaterThan(0);
  // Each value with each point, for each of two widths.
  for (const one of [few, many]) expect(one.compared).toBeLessThanOrEqual(2 * AXES * MOST_SHOWN ** 2);
});
