import { describe, expect, test } from 'vitest';
import type { SearchSpec } from '../../../core/sweep/spec.js';
import { STRATEGY_NAMES } from '../../../core/sweep/strategies.js';
import { Searcher } from '../../../search/searcher.js';
import { PythonRandom } from '../../../statistics/python-random.js';
import { needle } from '../../bench/search/branched.js';
import { knowingNoise, plainHalving } from '../../bench/search/halving.js';
import { replay, SHARES } from '../../bench/search/replay.js';
import { cliffs, conditional, multiplied } from '../../bench/search/synthetic.js';
import { spaceOf, type Task, type TaskPoint, Volume } from '../../bench/search/task.js';

const SPEC: SearchSpec = {
  strategy: 'tpe',
  seed: 1,
  budget: { trials: null, deviceHours: null, joules: null },
  leastGainPerDeviceHour: null,
  constraints: [],
  predict: true,
  fidelity: 'full',
};
const task = conditional(3);
const points = [...task.points.values()];

function search(spec: Partial<SearchSpec> = {}, of: Task = task): Searcher {
  return new Searcher(spaceOf(of), {
    spec: { ...SPEC, ...spec },
    objectives: of.metrics.map((metric) => ({ metric, better: 'min' })),
    physics: () => [],
    labelOf: (position) => `point ${position}`,
  });
}

const answer = (searcher: Searcher, position: number, at = points) =>
  searcher.tell({
    position,
    values: Object.fromEntries(task.metrics.map((metric, d) => [metric, at[position]!.values?.[d] ?? null])),
    seconds: at[position]!.seconds,
    joules: 1,
  });

/** Measures so many points, one after the other. */
function go(searcher: Searcher, most: number): number[] {
  const asked: number[] = [];
  for (let position = searcher.ask(); position !== null; position = searcher.ask()) {
    asked.push(position);
    answer(searcher, position);
    if (asked.length >= most) break;
  }
  return asked;
}

describe.each(STRATEGY_NAMES)('%s', (strategy) => {
  test('never asks twice, and asks the same again when it is told the same', () => {
    const first = go(search({ strategy }), 80);
    expect(new Set(first).size).toBe(80);
    const again = search({ strategy });
    const half = go(again, 40);
    const resumed = search({ strategy });
    // What a log says of the first half, without anybody having asked.
    for (const position of half) answer(resumed, position);
    expect([...half, ...go(resumed, 40)]).toEqual(first);
  });

  test('agents that ask at the same time get different points', () => {
    const searcher = search({ strategy });
    go(searcher, 30);
    const asked = Array.from({ length: 8 }, () => searcher.ask());
    expect(new Set(asked).size).toBe(8);
  });
});

describe('what is found', () => {
  const half = SHARES.indexOf(0.95);

  test('in half of the time that chance takes', () => {
    const one = cliffs(3);
    const [own, chance] = (['tpe', 'random'] as const).map(
      (strategy) => replay(one, { strategy, seed: 1, predict: strategy === 'tpe' }).until[half]!,
    );
    expect(own).toBeLessThan(0.5 * chance!);
  });

  test('a needle in one branch whose other values are mediocre, however sure the predictions are', () => {
    const hay = needle(3);
    const grid = [...hay.points.values()];
    const searcher = search({}, hay);
    let found = 0;
    for (let trials = 0; trials < 400; trials++) {
      const position = searcher.ask()!;
      const { digits } = grid[position]!;
      if (digits[0] === 4 && digits[1] === 5) found += 1;
      answer(searcher, position, grid);
    }
    expect(found).toBeGreaterThan(5);
  });

  test('points that miss a constraint are left behind those that meet it', () => {
    const bytes = points.map(({ values }) => values![1]!).sort((a, b) => a - b);
    const atMost = bytes[Math.floor(bytes.length / 10)]!;
    const searcher = search({ constraints: [{ metric: 'peakMemoryBytes', atMost, atLeast: null }] });
    const late = go(searcher, 120).slice(60);
    const meeting = late.filter((position) => points[position]!.values![1]! <= atMost).length;
    expect(meeting / late.length).toBeGreaterThan(0.3);
  });

  test('a point that others beat by more than starts differ is not measured again, one on the front is', () => {
    const searcher = search();
    const asked = go(searcher, 60);
    const worth = asked.filter((position) => searcher.worthAnotherStart(position));
    expect(worth.length).toBeGreaterThan(0);
    expect(worth.length).toBeLessThan(asked.length);
    const beaten = (a: number, b: number) =>
      points[b]!.values!.every((value, d) => value < 0.5 * points[a]!.values![d]!);
    for (const position of worth) expect(asked.some((other) => beaten(position, other))).toBe(false);
  });
});

describe('probes', () => {
  /** Ranks flip: a probe is off by a tenth of a logarithm at random, and slower on average. */
  const probed = (values: readonly number[] | null, random: PythonRandom) =>
    values?.map((value) => value * Math.exp(0.2 + 0.1 * (random.next() - 0.5))) ?? null;

  test('order what is measured in full, and nearly all of the front is', () => {
    const one = cliffs(3);
    const few: Task = { ...one, points: new Map([...one.points].filter((_, i) => i % 40 === 0)) };
    const grid = [...few.points.values()];
    const searcher = search({ fidelity: 'probe', strategy: 'random', predict: false }, few);
    const random = new PythonRandom(3);
    const measured: number[] = [];
    const looked: number[] = [];
    const values = (ones: readonly number[] | null) =>
      Object.fromEntries(one.metrics.map((metric, d) => [metric, ones?.[d] ?? null]));
    for (;;) {
      const [position] = searcher.next();
      if (position === undefined) break;
      const about = { position, joules: null };
      const truth = grid[position]!.values;
      if (searcher.wantsProbe(position)) {
        looked.push(position);
        if (truth === null) searcher.skip(position, 'does not fit');
        else
          searcher.tellProbe({ ...about, seconds: 1, values: values(probed(truth, random)) }, looked.length);
      } else {
        measured.push(position);
        searcher.tell({ ...about, seconds: 5, values: values(truth) });
      }
    }
    expect(looked).toHaveLength(grid.length);
    expect(new Set(measured).size).toBe(measured.length);
    expect(measured.length).toBeLessThan(grid.length / 3);
    const volume = new Volume(few);
    const covered = volume.of(measured.map((position) => grid[position]!.values!)) / volume.whole;
    expect(covered).toBeGreaterThan(0.98);
    expect(searcher.ended).toBe('every point was probed, and measured where it may stand on the front');
    expect(searcher.progress).toMatchObject({ measured: measured.length });
  });

  test('stand on no front, give no further start, and what they have no number of is left open', () => {
    const searcher = search({ fidelity: 'probe' });
    const [metric] = task.metrics as [string];
    for (let i = 0; i < 12; i++) {
      const position = searcher.ask()!;
      searcher.tellProbe({ position, values: { [metric]: 1 + i }, seconds: 1, joules: null }, i);
      expect(searcher.worthAnotherStart(position)).toBe(false);
    }
    expect(searcher.progress).toMatchObject({ measured: 0, probed: 12, hypervolume: null, trials: 12 });
    const [promoted] = searcher.next() as [number];
    expect(searcher.wantsProbe(promoted)).toBe(false);
    answer(searcher, promoted);
    expect(searcher.progress).toMatchObject({ measured: 1, probed: 11 });
  });
});

describe('promotions know noise', () => {
  const whole = multiplied(5);
  const grid: Task = { ...whole, points: new Map([...whole.points].filter((_, i) => i % 60 === 0)) };

  test('fewer of the truly best are lost than with plain halving in the same time, where ranks flip at a probe', () => {
    const of = (how: typeof plainHalving) => {
      const runs = [1, 2, 3, 4].map((seed) => how(grid, seed, 0.12));
      return runs.reduce((sum, { lost }) => sum + lost, 0);
    };
    const [plain, knowing] = [of(plainHalving), of(knowingNoise)];
    expect(plain).toBeGreaterThan(2);
    expect(knowing).toBeLessThan(plain / 2);
  });

  test('a point is promoted, or left, with its reason, and the same again when the log is told again', () => {
    const searcher = search({ fidelity: 'probe', strategy: 'grid', predict: false }, grid);
    const log: ((to: Searcher) => void)[] = [];
    const tell = (one: (to: Searcher) => void) => {
      log.push(one);
      one(searcher);
    };
    const random = new PythonRandom(1);
    const news = [];
    let rounds = 0;
    for (let block = 0; block < 200; block++) {
      const next = searcher.next();
      news.push(...searcher.takeNews());
      if (next.length > 1) rounds += 1;
      for (const position of next) {
        const truth = [...grid.points.values()][position]!.values!;
        const probe = searcher.wantsProbe(position);
        const off = () => Math.exp(0.05 * random.next());
        const values = Object.fromEntries(grid.metrics.map((m, d) => [m, truth[d]! * (probe ? off() : 1)]));
        const told = { position, values, seconds: probe ? 1 : 100, joules: null };
        tell((to) => (probe ? to.tellProbe(told, block) : to.tell(told)));
      }
    }
    expect(rounds).toBeGreaterThan(8);
    const left = news.filter(({ promoted }) => !promoted);
    expect(left.length).toBeGreaterThan(3);
    for (const { reason } of left) {
      expect(reason).toMatch(/^point \d+ is better in [456] paired blocks \(Wilcoxon, p = 0\.\d\d\)$/);
    }
    expect(news.some(({ reason }) => /^not worse than point .* in [456] paired blocks$/.test(reason))).toBe(
      true,
    );
    expect(new Set(news.map(({ position }) => position)).size).toBe(news.length);
    const again = search({ fidelity: 'probe', strategy: 'grid', predict: false }, grid);
    for (const one of log) one(again);
    // What was promoted is told by the log; what was left follows from its probes.
    expect(again.takeNews().map(({ position }) => position)).toEqual(left.map(({ position }) => position));
    for (const one of news) again.note(one);
    expect(again.progress.decided).toBe(news.length);
    expect(again.next()).toEqual(searcher.next());
  });
});

describe('it ends, and says why', () => {
  test.each(STRATEGY_NAMES)('where every axis has one value: %s measures the only point', (strategy) => {
    const [[key, point]] = [...task.points] as [[string, TaskPoint]];
    const one: Task = { ...task, axes: [], points: new Map([['[]', { ...point, digits: [] }]]) };
    expect(key).not.toBe('[]');
    const searcher = search({ strategy }, one);
    expect(go(searcher, 10)).toEqual([0]);
    expect(searcher.ended).toBe('every point was measured or skipped');
    expect(searcher.progress.hypervolume).toBeNull();
  });

  test('when no trial gives a row, and goes on when one does', () => {
    const searcher = search();
    for (let i = 0; i < 32; i++) {
      const position = searcher.ask()!;
      searcher.spend(1, null);
      searcher.skip(position, 'the file cannot be read');
    }
    expect(searcher.ask()).toBeNull();
    expect(searcher.ended).toBe('none of its first 32 trials gave a row: the file cannot be read');
    answer(searcher, 0);
    expect(searcher.ended).toBeNull();
    expect(searcher.ask()).not.toBeNull();
  });

  test('by each of its budgets', () => {
    const trials = search({ budget: { trials: 7, deviceHours: null, joules: null } });
    expect(go(trials, 100)).toHaveLength(7);
    expect(trials.ended).toBe('its budget of 7 trials is spent');
    const hours = search({ budget: { trials: null, deviceHours: 1e-6, joules: null } });
    expect(go(hours, 100)).toHaveLength(1);
    expect(hours.ended).toContain('1e-6 device-hours'.replace('1e-6', '0.000001'));
    const joules = search({ budget: { trials: null, deviceHours: null, joules: 3 } });
    expect(go(joules, 100)).toHaveLength(3);
  });

  test('what is pending is counted, whichever budget it will spend', () => {
    const many = (budget: Partial<SearchSpec['budget']>, known: number): number => {
      const searcher = search({ budget: { trials: null, deviceHours: null, joules: null, ...budget } });
      go(searcher, known);
      return Array.from({ length: 10 }, () => searcher.next()).flat().length;
    };
    expect(many({ trials: 7 }, 4)).toBe(3);
    expect(many({ joules: 6 }, 4)).toBe(2);
    const seconds = search();
    go(seconds, 4);
    const { deviceSeconds } = seconds.spent;
    expect(many({ deviceHours: (2 * deviceSeconds) / 3600 }, 4)).toBe(4);
    const waiting = search({ budget: { trials: 2, deviceHours: null, joules: null } });
    const [first] = waiting.next();
    waiting.next();
    expect([waiting.next(), waiting.ended]).toEqual([[], null]);
    // One that is not measured after all makes room.
    waiting.letGo(first!);
    expect(waiting.next()).toHaveLength(1);
  });

  test('for want of gain', () => {
    const searcher = search({ leastGainPerDeviceHour: 0.9 });
    go(searcher, 400);
    expect(searcher.ended).toContain('to the volume under its front, less than 90 %');
    expect(searcher.progress.measured).toBeLessThan(400);
    // That a few points added nothing is no reason.
    expect(searcher.progress.measured).toBeGreaterThan(32);
    // And what further starts say does not begin it again.
    answer(
      searcher,
      points.findIndex(() => true),
    );
    expect(searcher.ask()).toBeNull();
  });

  test('when no row has a number of its objectives', () => {
    const searcher = search();
    const [time] = task.metrics as [string];
    for (let i = 0; i < 8; i++) {
      const reasonOf = (metric: string) => `no ${metric.length}`;
      const about = { position: searcher.ask()!, seconds: 1, joules: null };
      searcher.tell({ ...about, values: { [time]: 1 }, reasonOf });
    }
    // The one that has numbers is not named.
    expect(searcher.ended).toBe(
      'none of its first 8 rows has a number of peakMemoryBytes (no 15): name objectives and constraints that its rows have',
    );
  });

  test('when no row has a number of its constraints', () => {
    const searcher = search({ constraints: [{ metric: 'perplexity', atMost: 9, atLeast: null }] });
    expect(go(searcher, 100)).toHaveLength(8);
    expect(searcher.ended).toContain('none of its first 8 rows has a number of perplexity:');
  });

  test('when nothing measures the joules of its only budget', () => {
    const searcher = search({ budget: { trials: null, deviceHours: null, joules: 5 } });
    for (let position = searcher.ask(); position !== null; position = searcher.ask()) {
      const values = Object.fromEntries(task.metrics.map((metric) => [metric, 1 + position!]));
      searcher.tell({ position, values, seconds: 1, joules: null });
    }
    expect(searcher.ended).toBe(
      'nothing measured the joules of its first 8 rows, so that its budget of 5 J would never be spent',
    );
  });

  test('when every point was measured, or cannot be', () => {
    const few: Task = { ...task, points: new Map([...task.points].slice(0, 3)) };
    const searcher = search({}, few);
    searcher.skip(searcher.ask()!, 'does not fit');
    expect(go(searcher, 10)).toHaveLength(2);
    expect(searcher.ended).toBe('every point was measured or skipped');
    expect(searcher.progress).toMatchObject({
      measured: 2,
      skipped: [{ reason: 'does not fit', points: 1 }],
    });
  });

  test('what is pending is waited for', () => {
    const few: Task = { ...task, points: new Map([...task.points].slice(0, 1)) };
    const searcher = search({}, few);
    const position = searcher.ask()!;
    expect(searcher.ask()).toBeNull();
    expect(searcher.ended).toBeNull();
    answer(searcher, position);
    expect(searcher.ended).not.toBeNull();
  });
});
