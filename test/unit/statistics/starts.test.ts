import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anotherStart, detectable, standardError } from '../../../core/statistics/allocation.js';
import { centreOf } from '../../../core/statistics/centre.js';
import { digamma, trigamma } from '../../../core/statistics/distributions.js';
import { tInterval } from '../../../core/statistics/interval.js';
import { mixtureCdf, mixtureQuantile } from '../../../core/statistics/mixture.js';
import { type Blocks, componentsOf } from '../../../core/statistics/nested.js';
import { pooledSpread } from '../../../core/statistics/pooled.js';
import { quantile } from '../../../core/statistics/quantile.js';
import { compareStarts, compareWithinBlocks } from '../../../core/statistics/ratio.js';
import { mean } from '../../../core/statistics/summary.js';
import { sameBuild } from '../../bench/statistics/comparisons.js';
import { coverage } from '../../bench/statistics/coverage.js';
import { drawFrom, row, SHAPES } from '../../bench/statistics/noise.js';
import { stopped } from '../../bench/statistics/stopping.js';

const LOG_NORMAL = SHAPES[0]!;
const reading = fc.double({ min: 0.1, max: 1e4, noNaN: true });
const blocksOf = (minStarts: number) =>
  fc.array(
    fc.array(fc.array(reading, { minLength: 1, maxLength: 4 }), { minLength: minStarts, maxLength: 3 }),
    {
      minLength: 1,
      maxLength: 3,
    },
  );
const known = (sd: number) => ({ sd, reason: null });

describe('variance components', () => {
  test('equal numbers give the T² of Kalibera and Jones, by hand', () => {
    // Logarithms: starts 0 2 | 4 6 in one block, 10 12 | 14 16 in the other.
    const blocks = [
      [
        [0, 2],
        [4, 6],
      ],
      [
        [10, 12],
        [14, 16],
      ],
    ].map((starts) => starts.map((start) => start.map(Math.exp)));
    const { within, betweenStarts, betweenBlocks } = componentsOf(blocks);
    expect(within.sd! ** 2).toBeCloseTo(2, 10);
    // Means of starts 1 5 | 11 15: 8 in each block, less 2 / 2.
    expect(betweenStarts.sd! ** 2).toBeCloseTo(7, 10);
    // Means of blocks 3 13: 50, less 8 / 2.
    expect(betweenBlocks.sd! ** 2).toBeCloseTo(46, 10);
  });

  test('ragged readings are unbiased: the mean over many rows is what they were drawn from', () => {
    const draw = drawFrom(3);
    const found = Array.from({ length: 3000 }, () => {
      const ragged = [
        ...row(
          draw,
          LOG_NORMAL,
          { within: 0.1, starts: 0.3, blocks: 0.5 },
          { perBlock: [3, 4, 2, 5], repeats: 4 },
        ),
      ];
      return componentsOf(
        ragged.map((starts, b) => starts.map((start, s) => start.slice(0, 1 + ((b + s) % 4)))),
      );
    });
    const variance = (level: 'within' | 'betweenStarts' | 'betweenBlocks') =>
      mean(found.map((c) => c[level].sd! ** 2));
    expect(variance('within')).toBeCloseTo(0.01, 3);
    expect(variance('betweenStarts') / 0.09).toBeCloseTo(1, 1);
    expect(variance('betweenBlocks') / 0.25).toBeCloseTo(1, 1);
  });

  test('what the layout cannot tell has a reason', () => {
    expect(componentsOf([[[1, 2, 3]]])).toMatchObject({
      betweenStarts: { sd: null, reason: 'one start: how starts differ is not known' },
      betweenBlocks: { sd: null, reason: 'one block: how parts of the sweep differ is not known' },
    });
    const apart = componentsOf([[[1]], [[2]], [[4]]]);
    expect(apart.within.reason).toMatch(/one reading in each start/);
    expect(apart.betweenStarts.sd).toBeCloseTo(Math.log(2), 10);
    expect(apart.betweenBlocks.reason).toMatch(/one start in each block/);
  });

  test('more scatter within than between leaves 0, not a negative variance', () => {
    expect(
      componentsOf([
        [
          [1, 4],
          [4, 1],
        ],
      ]).betweenStarts.sd,
    ).toBe(0);
  });
});

describe('centreOf', () => {
  test('starts with a block each: the t interval of the logarithms of their medians', () => {
    const blocks = [[[98, 100, 150]], [[104, 103, 105]], [[99, 101, 97]]];
    const logs = [100, 104, 99].map(Math.log);
    const { centre, interval } = centreOf(blocks);
    expect(centre).toBeCloseTo(Math.exp(mean(logs)), 10);
    expect(interval![0]).toBeCloseTo(Math.exp(tInterval(logs)![0]), 10);
    expect(interval![1]).toBeCloseTo(Math.exp(tInterval(logs)![1]), 10);
  });

  test('one start has a centre and no interval; bad readings have neither', () => {
    expect(centreOf([[[1, 2, 4]]])).toMatchObject({
      centre: 2,
      interval: null,
      reason: 'one start: how starts differ is not known',
    });
    expect(centreOf([])).toMatchObject({ centre: null, interval: null, reason: 'there are no readings' });
    expect(centreOf([[[1], [0]]]).reason).toMatch(/positive, finite.*0/);
  });

  test('starts of one block tell less than starts with a block each', () => {
    const width = (blocks: Blocks) => {
      const [low, high] = centreOf(blocks).interval!;
      return high / low;
    };
    const [together, apart] = [[[[100], [103], [101]]], [[[100]], [[103]], [[101]]]];
    expect(width(together)).toBeGreaterThan(width(apart));
  });

  test('equal starts leave no doubt', () => {
    for (const end of centreOf([[[8], [8]], [[8, 8]]]).interval!) expect(end).toBeCloseTo(8, 12);
  });

  test('the unit does not matter, the interval holds the centre and grows with the confidence', () => {
    fc.assert(
      fc.property(blocksOf(2), fc.double({ min: 0.01, max: 100, noNaN: true }), (blocks, factor) => {
        const [one, other] = [
          centreOf(blocks),
          centreOf(blocks.map((b) => b.map((s) => s.map((v) => v * factor)))),
        ];
        expect(Math.log(other.centre! / one.centre! / factor)).toBeCloseTo(0, 8);
        for (const end of [0, 1] as const) {
          expect(Math.log(other.interval![end] / one.interval![end] / factor)).toBeCloseTo(0, 4);
        }
        expect(one.interval![0]).toBeLessThanOrEqual(one.centre! * (1 + 1e-9));
        expect(one.interval![1]).toBeGreaterThanOrEqual(one.centre! * (1 - 1e-9));
        expect(centreOf(blocks, { confidence: 0.8 }).interval![1]).toBeLessThanOrEqual(
          one.interval![1] * (1 + 1e-9),
        );
      }),
      { numRuns: 40 },
    );
  });

  test('a percentile is that of each start', () => {
    const tokens = [[[1, 2, 3, 10]], [[1, 2, 3, 12]]];
    expect(centreOf(tokens, { startValue: (v) => quantile(v, 1) }).centre).toBeCloseTo(Math.sqrt(120), 10);
  });

  test('intervals of 3 starts hold the long-run centre; repeats taken as independent and the bootstrap do not', () => {
    const levels = { within: 0.01, starts: 0.03, blocks: 0.015 };
    const found = coverage(LOG_NORMAL, levels, { perBlock: [1, 1, 1], repeats: 4 }, 1000, 2);
    expect(found.get('centreOf')!.held).toBeGreaterThan(0.93);
    expect(found.get('centreOf')!.held).toBeLessThan(0.97);
    expect(found.get('repeats as independent (t)')!.held).toBeLessThan(0.75);
    expect(found.get('percentile bootstrap of starts')!.held).toBeLessThan(0.85);
  });
});

describe('pooledSpread', () => {
  test('finds the spread of starts and not that of the blocks that rows share', () => {
    const draw = drawFrom(9);
    const shifts = [0, 0.2, -0.1];
    const rows = Array.from({ length: 40 }, () =>
      row(
        draw,
        LOG_NORMAL,
        { within: 0, starts: 0.03, blocks: 0 },
        { perBlock: [1, 1, 1], repeats: 1 },
        shifts,
      ),
    );
    const spread = pooledSpread([rows])!;
    expect(Math.sqrt(spread.variance)).toBeGreaterThan(0.026);
    expect(Math.sqrt(spread.variance)).toBeLessThan(0.034);
    expect(spread.df).toBeGreaterThan(10);
    const [alone, helped] = [centreOf(rows[0]!), centreOf(rows[0]!, { spread })];
    expect(helped.interval![1] / helped.interval![0]).toBeLessThan(alone.interval![1] / alone.interval![0]);
  });

  test('rows that differ much from each other lend each other little', () => {
    const draw = drawFrom(10);
    const rows = Array.from({ length: 40 }, (_, i) =>
      row(
        draw,
        LOG_NORMAL,
        { within: 0, starts: i % 2 ? 0.3 : 0.003, blocks: 0 },
        { perBlock: [4], repeats: 1 },
      ),
    );
    expect(pooledSpread([rows])!.df).toBeLessThan(2);
  });

  test('too few rows, and rows that do not vary, say nothing', () => {
    expect(pooledSpread([[[[[1], [2]]], [[[1], [2]]]]])).toBeNull();
    expect(pooledSpread([Array.from({ length: 5 }, () => [[[7], [7]]])])).toBeNull();
  });

  test('digamma and trigamma at 1 and 1/2', () => {
    expect(digamma(1)).toBeCloseTo(-0.5772156649015329, 13);
    expect(digamma(0.5)).toBeCloseTo(-1.9635100260214235, 13);
    expect(trigamma(1)).toBeCloseTo(Math.PI ** 2 / 6, 13);
    expect(trigamma(0.5)).toBeCloseTo(Math.PI ** 2 / 2, 12);
  });
});

describe('compareStarts', () => {
  test('swapping the sides inverts ratio and interval', () => {
    fc.assert(
      fc.property(blocksOf(2), blocksOf(2), (a, b) => {
        const [forth, back] = [compareStarts(a, b), compareStarts(b, a)];
        expect(forth.ratio! * back.ratio!).toBeCloseTo(1, 8);
        expect(Math.log(forth.interval![0] * back.interval![1])).toBeCloseTo(0, 4);
        expect(forth.p!).toBeCloseTo(back.p!, 8);
      }),
      { numRuns: 30 },
    );
  });

  test('p and the interval agree about 1', () => {
    fc.assert(
      fc.property(blocksOf(2), blocksOf(2), (a, b) => {
        const { p, interval } = compareStarts(a, b);
        if (Math.abs(p! - 0.05) < 1e-4) return;
        expect(interval![0] > 1 || interval![1] < 1).toBe(p! < 0.05);
      }),
      { numRuns: 40 },
    );
  });

  test('one start gives a ratio alone, bad readings a reason', () => {
    expect(compareStarts([[[100]]], [[[110], [112]]])).toMatchObject({
      interval: null,
      verdict: 'unclear',
      reason: 'one side has one start: how its starts differ is not known',
    });
    expect(compareStarts([[[100]]], [[[110]]]).ratio).toBeCloseTo(1.1, 10);
    expect(compareStarts([], [[[1]]]).reason).toMatch(/no readings/);
  });

  test('one build run twice: repeats of one start find differences, starts do not', () => {
    const levels = { within: 0.01, starts: 0.03, blocks: 0.015 };
    const found = sameBuild(LOG_NORMAL, levels, { perBlock: [1, 1, 1], repeats: 4 }, 12, 40, 6);
    expect(found.repeats).toBeGreaterThan(0.9);
    expect(found.starts).toBeLessThanOrEqual(0.05);
    expect(found.pooled).toBeLessThanOrEqual(0.05);
    expect(found.sizePooled).toBeLessThan(0.07);
  });
});

describe('where the next second goes', () => {
  const components = { within: known(0.02), betweenStarts: known(0.01), betweenBlocks: known(0) };

  test('the standard error of the plan is that of rows drawn by it', () => {
    const draw = drawFrom(4);
    const levels = { within: 0.05, starts: 0.03, blocks: 0.02 };
    const logs = Array.from({ length: 4000 }, () =>
      Math.log(centreOf(row(draw, LOG_NORMAL, levels, { perBlock: [1, 1, 1], repeats: 5 })).centre! / 100),
    );
    const plan = { starts: 3, blocks: 3, repeats: 5 };
    const of = { within: known(0.05), betweenStarts: known(0.03), betweenBlocks: known(0.02) };
    expect(Math.sqrt(mean(logs.map((v) => v * v))) / standardError(of, plan)).toBeCloseTo(1, 1);
  });

  test('more starts find less; more comparisons need more', () => {
    const at = (starts: number, comparisons = 1) =>
      detectable(components, { starts, blocks: starts, repeats: 3 }, { comparisons }).value!;
    expect(at(5)).toBeLessThan(at(3));
    expect(at(3, 36)).toBeGreaterThan(at(3));
    expect(
      detectable(components, { starts: 3, blocks: 3, repeats: 3 }, { comparisons: 36, pooledDf: 30 }).value!,
    ).toBeLessThan(at(3, 36));
    expect(detectable(components, { starts: 1, blocks: 1, repeats: 3 }).reason).toMatch(/one start/);
  });

  test('rows that share their blocks find what is promised, whatever blocks do to both', () => {
    const draw = drawFrom(6);
    const plan = { starts: 5, blocks: 5, repeats: 1 };
    const levels = { within: 0, starts: 0.03, blocks: 0.2 };
    const of = { within: known(0), betweenStarts: known(0.03), betweenBlocks: known(0.2) };
    const { value: ratio } = detectable(of, plan, { sharedBlocks: true });
    const layout = { perBlock: [1, 1, 1, 1, 1], repeats: 1 };
    const found = Array.from({ length: 2000 }, () => {
      const shifts = layout.perBlock.map(() => levels.blocks * draw.normal());
      const [base, candidate] = [0, 1].map(() => row(draw, LOG_NORMAL, levels, layout, shifts));
      const blocks = base!.map((starts, b) => ({
        base: starts.flat(),
        candidate: candidate![b]!.flat().map((v) => v * ratio!),
      }));
      return Number(compareWithinBlocks(blocks).p! < 0.05);
    });
    expect(Math.abs(mean(found) - 0.8)).toBeLessThan(0.03);
    expect(detectable(of, { ...plan, blocks: 1 }, { sharedBlocks: true }).reason).toMatch(/one block/);
  });

  test('never before three starts, and two more after the first interval that is narrow enough', () => {
    const goesOn = (halfWidths: (number | null)[]) =>
      anotherStart({ halfWidths, target: 0.02, maxStarts: 8 });
    expect(goesOn([null, 0.001])).toBe(true);
    expect(goesOn([null, 0.001, 0.01])).toBe(true);
    expect(goesOn([null, 0.001, 0.01, 0.03])).toBe(true);
    expect(goesOn([null, 0.001, 0.01, 0.03, 0.03])).toBe(false);
    expect(goesOn([null, 0.5, 0.4, 0.3])).toBe(true);
    expect(goesOn(new Array(8).fill(0.5))).toBe(false);
  });

  test('rows that were stopped so hold what they say; stopped at once, fewer do', () => {
    const levels = { within: 0.01, starts: 0.03, blocks: 0 };
    const [early, late] = (['at-once', 'anotherStart'] as const).map((rule) =>
      stopped(rule, 0.025, 8, levels, 2000, 8),
    );
    expect(late!.held).toBeGreaterThan(0.92);
    expect(late!.held).toBeGreaterThan(early!.held);
  });
});

test('a mixture of Student distributions: the quantile undoes the distribution', () => {
  const parts = [
    { share: 0.3, centre: -1, scale: 0.5, df: 2 },
    { share: 0.7, centre: 2, scale: 3, df: 5 },
  ];
  for (const p of [0.001, 0.025, 0.5, 0.8, 0.999]) {
    expect(mixtureCdf(parts, mixtureQuantile(parts, p))).toBeCloseTo(p, 6);
  }
  expect(mixtureQuantile([{ share: 1, centre: 3, scale: 0, df: 2 }], 0.9)).toBe(3);
  // Two starts whose values differ in their last bits have nothing between them to search.
  const twins = [0.10000000000000031, 0.10000000000000009].map((centre) => ({
    share: 0.5,
    centre,
    scale: 1e-17,
    df: 1,
  }));
  expect(mixtureQuantile(twins, 0.975)).toBeCloseTo(0.1, 12);
});
