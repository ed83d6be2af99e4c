import { describe, expect, test } from 'vitest';
import {
  decodeSurfaces,
  encodeSurfaces,
  OPERATOR_FACTORS_SCHEMA,
} from '../../../../roofline/operators/factors-file.js';
import { fitSurface } from '../../../../roofline/operators/fit-surface.js';
import { type Grid, valueAt } from '../../../../roofline/operators/surface.js';

const GRID: Grid = [
  [1, 10, 100, 1000],
  [1, 16, 256],
];
/** A function that is linear in the logarithms, as the surface is between its nodes. */
const plane = ([x, y]: readonly number[]) => 0.3 * Math.log(x!) - 0.2 * Math.log(y!) + 1;
const points = [1, 3, 10, 50, 100, 400, 1000].flatMap((x) =>
  [1, 4, 16, 64, 256].map((y) => ({ at: [x, y], value: plane([x, y]) })),
);

describe('a surface', () => {
  const fitted = fitSurface(GRID, points);

  test('is linear between nodes in logarithms, and flat beyond the ends', () => {
    expect(valueAt(fitted, [20, 40])).toBeCloseTo(plane([20, 40]), 1);
    expect(valueAt(fitted, [1e6, 40])).toBe(valueAt(fitted, [1000, 40]));
    expect(valueAt(fitted, [0.01, 1e9])).toBe(valueAt(fitted, [1, 256]));
  });

  test('is carried over nodes without points, and does not follow an outlier', () => {
    const holed = points.filter(({ at: [x] }) => x! < 60 || x! > 500);
    expect(valueAt(fitSurface(GRID, holed), [100, 16])).toBeCloseTo(plane([100, 16]), 0);
    const odd = [...points, { at: [10, 16], value: 9 }];
    expect(valueAt(fitSurface(GRID, odd), [10, 16])).toBeCloseTo(valueAt(fitted, [10, 16]), 0);
  });

  test('is kept by steps of 2 %', () => {
    const table = {
      engine: 'vllm',
      release: '1',
      family: 'product',
      surface: 'bf16',
      launchSeconds: 1e-6,
      excessSeconds: 0,
      reachableShare: 0.9,
      spread: 0.1,
      measurements: 35,
      aboveRoof: 0,
    };
    const both = encodeSurfaces([
      { table, slowdown: fitted },
      { table, slowdown: { grid: GRID, values: fitted.values.map((value) => -value) } },
    ]);
    const file = {
      schema: OPERATOR_FACTORS_SCHEMA,
      device: 'h100',
      source: 'test',
      grids: { product: GRID.map((nodes) => [...nodes]) },
      ...both,
    } as const;
    const [one, other] = decodeSurfaces(file);
    for (const [index, value] of fitted.values.entries()) {
      expect(Math.abs(one!.values[index]! - value)).toBeLessThan(0.011);
      expect(Math.abs(other!.values[index]! + value)).toBeLessThan(0.011);
    }
    expect(() => decodeSurfaces({ ...file, tables: file.tables.slice(1) })).toThrow(
      'the factors have 24 steps, and their grids 12 nodes',
    );
  });
});
