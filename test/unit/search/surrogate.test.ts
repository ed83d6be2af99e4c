import { describe, expect, test } from 'vitest';
import { inverseFactor } from '../../../search/linear-algebra.js';
import { Searcher } from '../../../search/searcher.js';
import { ABSENT, type SearchSpace } from '../../../search/space.js';
import { Surrogate } from '../../../search/surrogate.js';
import { PythonRandom } from '../../../statistics/python-random.js';

const random = new PythonRandom(7);
const WORDS = (from: number, to: number) => (from === to ? 0 : 0.5);
const NUMBERS = (size: number) => (from: number, to: number) => Math.abs(from - to) / (size - 1);

/** All points of axes of these sizes, the first of words, the others of numbers. */
function spaceOf(...sizes: readonly number[]): SearchSpace {
  const axes = sizes.map((size, i) => ({ name: `a${i}`, size, distance: i === 0 ? WORDS : NUMBERS(size) }));
  return {
    count: sizes.reduce((product, size) => product * size, 1),
    axes,
    digitsAt(position) {
      let rest = position;
      return Int32Array.from(sizes, (size) => {
        const digit = rest % size;
        rest = (rest - digit) / size;
        return digit;
      });
    },
    positionOf: (digits) => sizes.reduceRight((position, size, i) => position * size + digits[i]!, 0),
  };
}

type CostAt = (digits: Int32Array) => number | null;

function observed({ digitsAt }: SearchSpace, positions: readonly number[], costAt: CostAt) {
  return positions.map((position) => {
    const digits = digitsAt(position);
    const cost = costAt(digits);
    const costs = cost === null ? null : [cost];
    return { position, digits, costs, violation: 0, starts: 1, seconds: 1 + position };
  });
}

/** Some of the positions of a space, not in order. */
const someOf = ({ count }: SearchSpace, most: number) =>
  Array.from({ length: most }, (_, i) => (i * 7) % count);

/** @returns what is wrong on average about points that were not shown, as a share of how much these vary. */
function errorElsewhere(space: SearchSpace, shown: number, costAt: (digits: Int32Array) => number): number {
  const positions = someOf(space, shown);
  const model = Surrogate.fit(space, () => [], observed(space, positions, costAt))!;
  const rest = [...Array(space.count).keys()].filter((position) => !positions.includes(position));
  const truths = rest.map((position) => costAt(space.digitsAt(position)));
  const mean = truths.reduce((sum, truth) => sum + truth, 0) / truths.length;
  const wrong = rest.reduce(
    (sum, position, i) => sum + (model.predict(position).costs[0]! - truths[i]!) ** 2,
    0,
  );
  return Math.sqrt(wrong / truths.reduce((sum, truth) => sum + (truth - mean) ** 2, 0));
}

describe('a model of costs', () => {
  const space = spaceOf(4, 3, 5);
  const effects = space.axes.map(({ size }) => Array.from({ length: size }, () => random.next()));
  const added: CostAt = (digits) => digits.reduce((sum, digit, axis) => sum + effects[axis]![digit]!, 0);

  test('learns effects that add', () => {
    expect(errorElsewhere(space, 40, added as (digits: Int32Array) => number)).toBeLessThan(0.35);
    const model = Surrogate.fit(space, () => [], observed(space, someOf(space, 40), added))!;
    const best = model.atBest(0)[0]!;
    expect(best).toBeLessThan(added(space.digitsAt(0))!);
    expect(best).toBeLessThan(model.predict(0).costs[0]!);
  });

  test('learns a valley that lies elsewhere in each branch, of which effects that add say nothing', () => {
    const places = [0, 1, 0.5, 0.2, 0.8];
    const gorge = (digits: Int32Array) => 4 * (digits[1]! / 14 - places[digits[0]!]!) ** 2;
    expect(errorElsewhere(spaceOf(5, 15), 38, gorge)).toBeLessThan(0.35);
  });

  test('is less sure of what lies far from all that it was shown', () => {
    const line = spaceOf(1, 40);
    const near = Array.from({ length: 15 }, (_, i) => i);
    const model = Surrogate.fit(
      line,
      () => [],
      observed(line, near, (digits) => digits[1]! / 10),
    )!;
    const [inside, outside] = [7, 39].map((position) => model.predict(position).deviations[0]!);
    expect(outside).toBeGreaterThan(2 * inside!);
  });

  test('says nothing of noise', () => {
    const noise = new Map(someOf(space, 40).map((position) => [position, random.next()]));
    const costAt: CostAt = (digits) => noise.get(space.positionOf(digits)!)!;
    expect(Surrogate.fit(space, () => [], observed(space, someOf(space, 40), costAt))).toBeNull();
  });

  test('says nothing where distances contradict each other', () => {
    const odd = spaceOf(1, 3);
    const [words, numbers] = odd.axes as [(typeof odd.axes)[0], (typeof odd.axes)[0]];
    // The second value is the first, and the third, which are far apart.
    const distance = (from: number, to: number) => (Math.abs(from - to) === 2 ? 1 : 0);
    const twisted = { ...odd, axes: [words, { ...numbers, distance }] };
    const positions = Array.from({ length: 30 }, (_, i) => i % 3);
    const shown = observed(twisted, positions, (digits) => digits[1]!);
    expect(Surrogate.fit(twisted, () => [], shown)).toBeNull();
  });

  test('takes an axis that a point lacks for a value of its own', () => {
    const { digitsAt, ...rest } = spaceOf(3, 8);
    const lacking = (position: number) => {
      const digits = digitsAt(position);
      if (digits[0] === 0) digits[1] = ABSENT;
      return digits;
    };
    const branched = { ...rest, digitsAt: lacking };
    const costAt = (digits: Int32Array) => (digits[1] === ABSENT ? 3 : digits[1]! / 8);
    const model = Surrogate.fit(branched, () => [], observed(branched, someOf(branched, 18), costAt))!;
    expect(model.predict(branched.positionOf(Int32Array.of(0, 5))!).costs[0]).toBeGreaterThan(2);
    expect(model.predict(branched.positionOf(Int32Array.of(1, 0))!).costs[0]).toBeLessThan(1);
  });
});

describe('points that fail', () => {
  const space = spaceOf(2, 12, 12);
  // What is better fails: the model of costs alone asks for it again and again.
  const costAt: CostAt = (digits) =>
    digits[1]! + digits[2]! > 12 ? null : 3 - (digits[1]! + digits[2]!) / 8;

  test('make their neighbours likely to fail, and others not', () => {
    const model = Surrogate.fit(space, () => [], observed(space, someOf(space, 80), costAt))!;
    const failsAt = (...digits: number[]) => model.predict(space.positionOf(Int32Array.from(digits))!).fails;
    expect(failsAt(0, 11, 11)).toBeGreaterThan(0.8);
    expect(failsAt(0, 1, 1)).toBeLessThan(0.1);
  });

  const searcher = () =>
    new Searcher(space, {
      spec: {
        strategy: 'tpe',
        seed: 1,
        budget: { trials: null, deviceHours: null, joules: null },
        leastGainPerDeviceHour: null,
        constraints: [],
        predict: true,
        fidelity: 'full',
      },
      objectives: [{ metric: 'timeToFirstTokenSeconds', better: 'min' }],
      physics: () => [],
      labelOf: String,
    });
  const answer = (to: Searcher, position: number): boolean => {
    const cost = costAt(space.digitsAt(position));
    if (cost === null) {
      to.spend(1, null);
      to.skip(position, 'out of memory');
    } else {
      const values = { timeToFirstTokenSeconds: Math.exp(cost) };
      to.tell({ position, values, seconds: 1, joules: null });
    }
    return cost === null;
  };

  test('are asked for less, and the same again when a log is told again', () => {
    const first = searcher();
    const asked: number[] = [];
    let failed = 0;
    for (let trial = 0; trial < 80; trial++) {
      const position = first.ask()!;
      asked.push(position);
      if (answer(first, position) && trial >= 40) failed += 1;
    }
    // The best lie beside those that fail: a search that learns nothing of those asks for 31 of them.
    expect(failed).toBeLessThan(22);
    const again = searcher();
    for (const position of asked) answer(again, position);
    expect(again.ask()).toBe(first.ask());
  });
});

test('the inverse of a Cholesky factor gives the inverse of its matrix, and none of one that is not positive definite', () => {
  const factor = [[2], [1, 3], [-1, 0.5, 1.5]];
  const matrix = factor.map((a) =>
    Float64Array.from(factor, (b) => a.reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0)),
  );
  const inverse = inverseFactor(matrix)!;
  for (const [i, line] of matrix.entries()) {
    for (const j of line.keys()) {
      let sum = 0;
      for (const [k, value] of line.entries()) {
        for (const row of inverse) sum += value * (row[k] ?? 0) * (row[j] ?? 0);
      }
      expect(sum).toBeCloseTo(i === j ? 1 : 0, 10);
    }
  }
  expect(inverseFactor([Float64Array.of(1, 2), Float64Array.of(2, 1)])).toBeNull();
});
