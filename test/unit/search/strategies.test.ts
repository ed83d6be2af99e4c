import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { STRATEGY_NAMES } from '../../../core/sweep/strategies.js';
import type { History } from '../../../search/history.js';
import { lhs } from '../../../search/strategies/lhs.js';
import { tpe } from '../../../search/strategies/tpe.js';
import { unfamiliar } from '../../../search/strategies/unfamiliar.js';
import { PythonRandom } from '../../../statistics/python-random.js';
import { product, spaceOf, type Task, type TaskAxis } from '../../bench/search/task.js';

/** A history in which these points were measured. */
function history(axes: readonly TaskAxis[], measured: readonly number[], trials: number | null): History {
  const points = new Map(
    [...product(axes)].map((digits) => [
      JSON.stringify(digits),
      { digits, values: [1, 1], seconds: 1, physics: null },
    ]),
  );
  const task: Task = { name: 'made', axes, metrics: ['a', 'b'], points };
  const space = spaceOf(task);
  return {
    space,
    observations: measured.map((position) => ({
      position,
      digits: space.digitsAt(position),
      costs: [position % 7, position % 5],
      violation: 0,
      starts: 1,
      seconds: 1,
    })),
    pending: [],
    asked: (position) => measured.includes(position),
    prior: null,
    seed: 5,
    trials,
  };
}

const MIXED: readonly TaskAxis[] = [
  { name: 'format', values: ['f', 'g', 'h'] },
  { name: 'threads', values: [1, 2, 4, 8, 16, 32] },
  { name: 'fused', values: [false, true] },
  { name: 'depth', values: Array.from({ length: 24 }, (_, i) => i) },
  { name: 'batch', values: Array.from({ length: 20 }, (_, i) => i) },
];

test('every file with a strategy is in the list, core/sweep/strategies.ts, and every entry has its file', () => {
  const folder = join(import.meta.dirname, '../../../search/strategies');
  const written = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [
      ...readFileSync(join(folder, name), 'utf8').matchAll(/^export const (\w+): Strategy\b/gm),
    ])
    .map(([, name]) => name);
  expect(written.toSorted()).toEqual(STRATEGY_NAMES.toSorted());
});

describe('Latin hypercubes', () => {
  test.each([
    ['as many as there may be trials', 24],
    ['of 64 points where that is open', null],
  ])('have every value of every axis equally often, but for a point that was there: %s', (_, trials) => {
    const chosen: number[] = [];
    const count = trials ?? 64;
    for (let i = 0; i < count; i++)
      chosen.push(lhs.choose(history(MIXED, chosen, trials), new PythonRandom(i))!);
    const { space } = history(MIXED, chosen, trials);
    for (const [axis, { values }] of MIXED.entries()) {
      const times = values.map(
        (_, value) => chosen.filter((one) => space.digitsAt(one)[axis] === value).length,
      );
      expect(Math.max(...times)).toBeLessThanOrEqual(Math.ceil(count / values.length) + 1);
      expect(Math.min(...times)).toBeGreaterThanOrEqual(Math.floor(count / values.length) - 1);
    }
  });
});

describe('a share of the trials explores', () => {
  test('what was measured least: every pair of values is met long before every point', () => {
    const axes: TaskAxis[] = [5, 4, 4, 3].map((size, i) => ({
      name: `axis${i}`,
      values: Array.from({ length: size }, (_, value) => `${'abcd'[i]}${'vwxyz'[value]}`),
    }));
    const chosen: number[] = [];
    for (let i = 0; i < 40; i++) chosen.push(unfamiliar(history(axes, chosen, null), new PythonRandom(i))!);
    const { space } = history(axes, chosen, null);
    const met = new Set<string>();
    for (const position of chosen) {
      const digits = space.digitsAt(position);
      for (let a = 0; a < 4; a++) for (let b = 0; b < a; b++) met.add([a, b, digits[a], digits[b]].join(' '));
    }
    // 20 + 20 + 15 + 16 + 12 + 12 pairs, of 240 points.
    expect(met.size).toBe(95);
  });

  test('even where the densities would only ask for what was good', () => {
    const chosen = Array.from({ length: 20 }, (_, i) => 9 * i);
    const whole = history(MIXED, chosen, null);
    const draws = () => new PythonRandom(1);
    expect(tpe.choose(whole, draws())).toBe(unfamiliar(whole, draws()));
  });
});

test('one trial in five takes what predictions alone promise most of, among points one value from the front', () => {
  const grid = (name: string) => ({ name, values: ['v', 'w', 'x', 'y', 'z'] });
  const whole = history(
    ['a', 'b', 'c'].map(grid),
    Array.from({ length: 25 }, (_, i) => i),
    null,
  );
  // The point (1, 0, 4): densities know its first value from nowhere.
  const wanted = 29;
  const predict = (position: number) => ({
    costs: position === wanted ? [-9, -9] : [9, 9],
    deviations: [0, 0],
    explained: 0.1,
    fails: 0,
    seconds: 1,
  });
  // The front is one point, which differs from the wanted one in its first value.
  const observations = whole.observations.map((one) => ({
    ...one,
    costs: one.position === 4 ? [0, 0] : [5, 5],
  }));
  const draws = () => new PythonRandom(1);
  const predicted: History = { ...whole, observations, prior: predict };
  expect(tpe.choose(predicted, draws())).toBe(wanted);
});
