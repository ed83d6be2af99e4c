import { describe, expect, test } from 'vitest';
import { blockEffects, type StartReading } from '../../../statistics/blocks.js';
import { drawFrom } from '../../bench/statistics/draw.js';

const table = (logs: readonly (readonly (number | null)[])[]): StartReading[] =>
  logs.flatMap((row, r) =>
    row.flatMap((log, b) => (log === null ? [] : [{ row: `r${r}`, block: `b${b}`, log }])),
  );

describe('effects of blocks', () => {
  test('are means of columns in a full table, with the share of deals that lie as far apart', () => {
    // Rows 1 2 3 and 2 4 3: columns 1.5 3 3, grand 2.5; rows alone leave 4, columns explain 3. Of the six
    // ways to put the second row below the first, 2 3 4 explains 4, 2 4 3 and 3 2 4 explain 3, the others
    // less: p = 3/6.
    const fit = blockEffects(
      table([
        [1, 2, 3],
        [2, 4, 3],
      ]),
    )!;
    expect([...fit.effects.values()].map(({ effect }) => Number(effect.toFixed(9)))).toEqual([-1, 0.5, 0.5]);
    expect(fit.p).toBeGreaterThan(0.3);
    expect(fit.p).toBeLessThan(0.7);
  });

  test('are found where rows are in some blocks only, as long as something links them', () => {
    const truth = [0, 0.3, -0.2, 0.5];
    const cells = [0, 1, 2, 3, 4, 5].map((r) =>
      truth.map((effect, b) => ((r + b) % 3 === 2 ? null : r + effect)),
    );
    const { effects } = blockEffects(table(cells))!;
    const found = [...effects.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, { effect }]) => effect);
    for (const [b, v] of found.entries()) expect(v - found[0]!).toBeCloseTo(truth[b]!, 6);
  });

  test('are not judged without a second block, without anything left, or without a link', () => {
    expect(blockEffects(table([[1], [2]]))).toBeNull();
    expect(blockEffects(table([[1, 2, 3]]))).toBeNull();
    expect(
      blockEffects(
        table([
          [1, null],
          [2, null],
          [null, 3],
          [null, 4],
        ]),
      ),
    ).toBeNull();
  });

  test('of a steady machine are told in 5 % of sweeps, also where one row is ten times as noisy as the others', () => {
    const draw = drawFrom(11);
    const low = Array.from(
      { length: 1000 },
      () => blockEffects(table([10, 1, 1, 1, 1].map((noise) => [0, 0, 0].map(() => noise * draw.normal()))))!,
    ).filter(({ p }) => p < 0.05);
    expect(low.length / 1000).toBeGreaterThan(0.03);
    expect(low.length / 1000).toBeLessThan(0.07);
  });

  test('of many readings are judged by F, which says what dealing them anew says', () => {
    const draw = drawFrom(3);
    const cells = Array.from({ length: 670 }, () => [draw.normal(), draw.normal() + 0.07, draw.normal()]);
    const [dealt, byF] = [blockEffects(table(cells.slice(0, 666)))!.p, blockEffects(table(cells))!.p];
    expect(byF).toBeGreaterThan(0.02);
    expect(byF).toBeLessThan(0.9);
    expect(Math.abs(dealt - byF)).toBeLessThan(0.12);
  });
});
