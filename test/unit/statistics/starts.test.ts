import { describe, expect, test } from 'vitest';
import { anotherStart, detectable, standardError } from '../../../statistics/allocation.js';
import { type Blocks, componentsOf, startLogs } from '../../../statistics/nested.js';
import { mean } from '../../../statistics/summary.js';
import { type Draw, drawFrom } from '../../bench/statistics/draw.js';

type Levels = Record<'within' | 'starts' | 'blocks', number>;
const known = (sd: number) => ({ sd, reason: null });

/** One row as it would be read, about 100 units; levels are standard deviations of logarithms. */
const rowOf = (draw: Draw, levels: Levels, perBlock: readonly number[], repeats: number): Blocks =>
  perBlock.map((starts) => {
    const block = levels.blocks * draw.normal();
    return Array.from({ length: starts }, () => {
      const start = block + levels.starts * draw.normal();
      return Array.from({ length: repeats }, () => 100 * Math.exp(start + levels.within * draw.normal()));
    });
  });

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
      const ragged = rowOf(draw, { within: 0.1, starts: 0.3, blocks: 0.5 }, [3, 4, 2, 5], 4);
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

describe('where the next second goes', () => {
  const components = { within: known(0.02), betweenStarts: known(0.01), betweenBlocks: known(0) };

  test('the standard error of the plan is that of rows drawn by it', () => {
    const draw = drawFrom(4);
    const levels = { within: 0.05, starts: 0.03, blocks: 0.02 };
    const errors = Array.from(
      { length: 4000 },
      () => mean(startLogs(rowOf(draw, levels, [1, 1, 1], 5)).flat()) - Math.log(100),
    );
    const plan = { starts: 3, blocks: 3, repeats: 5 };
    const of = { within: known(0.05), betweenStarts: known(0.03), betweenBlocks: known(0.02) };
    expect(Math.sqrt(mean(errors.map((v) => v * v))) / standardError(of, plan)).toBeCloseTo(1, 1);
  });

  test('more starts find less, and one start nothing', () => {
    const at = (starts: number) => detectable(components, { starts, blocks: starts, repeats: 3 });
    expect(at(5).value!).toBeLessThan(at(3).value!);
    expect(at(1).reason).toMatch(/one start/);
  });

  test('never before three starts, and two more after the first interval that is narrow enough', () => {
    const goesOn = (halfWidths: (number | null)[]) =>
      anotherStart({ halfWidths, target: 0.02, maxStarts: 8 });
    expect(goesOn([null, 0.001])).toBe(true);
    expect(goesOn([null, 0.001, 0.01])).toBe(true);
    expect(goesOn([null, 0.001, 0.01, 0.03])).toBe(true);
    expect(goesOn([null, 0.001, 0.01, 0.03, 0.03])).toBe(false);
    expect(goesOn([null, 0.001, 0.02, 0.03, 0.03])).toBe(false);
    expect(goesOn([null, 0.001, 0.02 + 2 ** -50, 0.03, 0.03])).toBe(true);
    expect(goesOn([null, 0.5, 0.4, 0.3])).toBe(true);
    expect(goesOn(new Array(8).fill(0.5))).toBe(false);
  });
});
