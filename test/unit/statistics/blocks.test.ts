import { describe, expect, test } from 'vitest';
import { blockEffects, type StartReading } from '../../../core/statistics/blocks.js';
import { drawFrom } from '../../bench/statistics/noise.js';

const table = (logs: readonly (readonly (number | null)[])[]): StartReading[] =>
  logs.flatMap((row, r) =>
    row.flatMap((log, b) => (log === null ? [] : [{ row: `r${r}`, block: `b${b}`, log }])),
  );

describe('effects of blocks', () => {
  test('are means of columns in a full table, with the F of the textbook', () => {
    // Rows 1 2 3 and 2 4 3: columns 1.5 3 3, grand 2.5; SSB = 2·(1+.25+.25) = 3, SSE = 1, F = (3/2)/(1/2) = 3 on 2 and 2: p = 1/4.
    const fit = blockEffects(
      table([
        [1, 2, 3],
        [2, 4, 3],
      ]),
    )!;
    expect([...fit.effects.values()].map(({ effect }) => Number(effect.toFixed(9)))).toEqual([-1, 0.5, 0.5]);
    expect(fit.p).toBeCloseTo(0.25, 9);
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

  test('of a steady machine have a p that is uniform: 5 % below 0.05', () => {
    const draw = drawFrom(11);
    const low = Array.from(
      { length: 2000 },
      () =>
        blockEffects(table(Array.from({ length: 5 }, () => [draw.normal(), draw.normal(), draw.normal()])))!,
    ).filter(({ p }) => p < 0.05);
    expect(low.length / 2000).toBeGreaterThan(0.035);
    expect(low.length / 2000).toBeLessThan(0.065);
  });
});
