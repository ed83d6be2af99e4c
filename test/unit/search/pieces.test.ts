import { describe, expect, test } from 'vitest';
import { dominates, missBy } from '../../../judgement/pareto.js';
import {
  type Costs,
  contributions,
  frontRanks,
  hypervolume,
  undominated,
} from '../../../search/hypervolume.js';
import { costOf } from '../../../search/objectives.js';
import { Probes } from '../../../search/probes.js';
import { MOST_DIMENSIONS, sobol } from '../../../search/sobol.js';
import { distanceAmong } from '../../../search/space.js';
import { PythonRandom } from '../../../statistics/python-random.js';

const random = new PythonRandom(7);
const points = (count: number, objectives: number, steps: number): Costs[] =>
  Array.from({ length: count }, () =>
    Array.from({ length: objectives }, () => random.integerBelow(steps) / steps),
  );

describe('volumes', () => {
  test('are counted cell by cell, in one to four objectives', () => {
    for (const objectives of [1, 2, 3, 4]) {
      for (let round = 0; round < 20; round++) {
        const steps = 6;
        const some = points(1 + random.integerBelow(8), objectives, steps);
        let cells = 0;
        for (let cell = 0; cell < steps ** objectives; cell++) {
          const corner = Array.from({ length: objectives }, (_, d) => Math.floor(cell / steps ** d) % steps);
          if (some.some((point) => point.every((cost, d) => Math.round(cost * steps) <= corner[d]!)))
            cells += 1;
        }
        expect(hypervolume(some, new Array(objectives).fill(1))).toBeCloseTo(cells / steps ** objectives, 12);
      }
    }
  });

  test('what is beyond the corner adds nothing', () => {
    expect(hypervolume([[2, 0]], [1, 1])).toBe(0);
    expect(hypervolume([], [1, 1])).toBe(0);
  });

  test('what each point adds is what is lost without it', () => {
    for (const objectives of [2, 3]) {
      const some = undominated(points(30, objectives, 50));
      const corner = new Array(objectives).fill(1);
      const whole = hypervolume(some, corner);
      const added = contributions(some, corner);
      for (const [i, one] of added.entries()) {
        expect(one).toBeCloseTo(
          whole -
            hypervolume(
              some.filter((_, other) => other !== i),
              corner,
            ),
          12,
        );
      }
    }
  });

  test('a point stands one front behind the last of those that dominate it', () => {
    for (const objectives of [2, 3]) {
      const some = points(60, objectives, 12);
      const ranks = frontRanks(some);
      for (const [i, point] of some.entries()) {
        const before = some.flatMap((other, j) => (dominates(other, point) ? [ranks[j]!] : []));
        expect(ranks[i]).toBe(before.length === 0 ? 0 : 1 + Math.max(...before));
      }
      const front = undominated(some).map((point) => JSON.stringify(point));
      expect(new Set(front)).toEqual(
        new Set(some.filter((_, i) => ranks[i] === 0).map((p) => JSON.stringify(p))),
      );
    }
  });
});

describe("Sobol's sequence", () => {
  // scipy 1.16, qmc.Sobol(d=21, scramble=False), whose first eight points are the same in another order.
  test.each([
    [1, [0, 0.5, 0.25, 0.75, 0.375, 0.875, 0.125, 0.625]],
    [2, [0, 0.5, 0.25, 0.75, 0.625, 0.125, 0.875, 0.375]],
  ])('coordinate %i', (dimension, values) => {
    const own = Array.from({ length: 8 }, (_, i) => sobol(i, dimension));
    expect(new Set(own)).toEqual(new Set(values));
  });

  test('every coordinate meets each of 64 parts once in 64 points', () => {
    for (let dimension = 0; dimension < MOST_DIMENSIONS; dimension++) {
      const parts = new Set(Array.from({ length: 64 }, (_, i) => Math.floor(64 * sobol(i, dimension))));
      expect(parts.size).toBe(64);
    }
  });
});

describe('distances', () => {
  const between = (values: (string | number | boolean)[]) => {
    return distanceAmong(values.map((value) => [value]));
  };

  test('numbers far apart are compared by their ratios', () => {
    const d = between([1, 10, 100]);
    expect(d(0, 1)).toBeCloseTo(0.5);
    expect(d(0, 2)).toBe(1);
  });

  test('words are nearer where their letters are the same', () => {
    const d = between(['q4_0', 'q5_0', 'f16']);
    expect(d(0, 1)).toBeLessThan(d(0, 2));
    expect(d(0, 0)).toBe(0);
  });

  test('what has no number is as far from one as can be', () => {
    const d = between([false, true]);
    expect(d(0, 1)).toBeGreaterThan(0);
  });
});

describe('costs', () => {
  test('rates and times are logarithms, ratios are not, and better is smaller', () => {
    expect(costOf('decodeTokensPerSecond', 'max', 100)).toBeCloseTo(-Math.log(100));
    expect(costOf('timeToFirstTokenSeconds', 'min', 0.5)).toBeCloseTo(Math.log(0.5));
    expect(costOf('perplexity', 'min', 12)).toBe(12);
    expect(costOf('perplexity', 'min', null)).toBeNull();
  });

  test('a bound is missed by a share of itself', () => {
    expect(missBy({ metric: 'perplexity', atMost: 10, atLeast: null }, 12)).toBeCloseTo(0.2);
    expect(missBy({ metric: 'perplexity', atMost: 10, atLeast: null }, 9)).toBe(0);
    expect(missBy({ metric: 'perplexity', atMost: null, atLeast: 10 }, null)).toBeNull();
  });
});

test('a probe counts beside measurements with what those say that its like is off by, and takes longer', () => {
  const probes = new Probes(1, String);
  const known = { measured: [], predict: null, atBest: null };
  const probe = { digits: new Int32Array(), violation: 0, seconds: 2 };
  for (const position of [0, 1])
    probes.add({ ...probe, position, block: position, costs: [position] }, known);
  expect(probes.observations(known)).toMatchObject([{ costs: [0] }, { costs: [1], seconds: 2 }]);
  probes.take(0, { costs: [0.5], seconds: 8 });
  expect(probes.observations(known)).toMatchObject([{ position: 1, costs: [1.5], seconds: 8 }]);
});
