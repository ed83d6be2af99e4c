import { describe, expect, test } from 'vitest';
import { paretoPoints, paretoRegions, tpsPerUser } from '../../../core/serving/pareto.js';

/** Of regions.py of endpoints-submission-cli 1.5.3.0: c_max, c_min; ends of low, medium and margin. */
const PUBLISHED = [
  [33, 1, 4, 11, 37],
  [33, 32, 33, 33, 37],
  [64, 1, 5, 17, 71],
  [64, 32, 35, 42, 71],
  [100, 4, 9, 25, 111],
  [128, 16, 21, 39, 141],
  [256, 8, 14, 47, 282],
  [512, 1, 9, 65, 564],
  [1024, 16, 26, 117, 1127],
  [1024, 1, 11, 103, 1127],
  [2048, 32, 45, 192, 2253],
  [4096, 1, 17, 257, 4506],
  [7777, 7, 27, 399, 8555],
  [65536, 32, 72, 1657, 72090],
] as const;

describe('the regions of a curve', () => {
  test('are those of the published algorithm', () => {
    for (const [cMax, cMin, low, medium, margin] of PUBLISHED) {
      expect([cMax, cMin, paretoRegions(cMax, cMin)]).toEqual([
        cMax,
        cMin,
        {
          ultraLow: { start: 1, end: 32 },
          low: { start: cMin + 1, end: low },
          medium: { start: low + 1, end: medium },
          high: { start: medium + 1, end: cMax },
          margin: { start: cMax + 1, end: margin },
        },
      ]);
    }
  });

  test('end at a smallest concurrency that was declared', () => {
    expect(paretoRegions(1024, 16, true).ultraLow).toEqual({ start: 1, end: 16 });
  });

  test('refuse what no curve can have', () => {
    expect(() => paretoRegions(32, 1)).toThrow(
      'the largest concurrency of a curve is a whole number above 32, not 32',
    );
    expect(() => paretoRegions(100, 33)).toThrow('from 1 to 32, not 33');
    expect(() => paretoPoints(100, 6)).toThrow('a curve has 7 to 32 points, not 6');
  });
});

describe('the points of a curve', () => {
  test('are as many as asked for, in order, with both ends and one in every region that has room', () => {
    for (const cMax of [33, 64, 100, 1024, 7777, 100_000]) {
      for (const count of [7, 12, 32]) {
        for (const cMin of [1, 16, 32]) {
          const points = paretoPoints(cMax, count, cMin);
          expect(points).toEqual([...new Set(points)].sort((a, b) => a - b));
          expect(points).toHaveLength(Math.min(count, cMax - cMin + 1));
          expect([points[0], points.at(-1)]).toEqual([cMin, cMax]);
          const { low, medium, high } = paretoRegions(cMax, cMin);
          for (const { start, end } of [low, medium, high]) {
            if (start <= end) expect(points.some((c) => c >= start && c <= end)).toBe(true);
          }
        }
      }
    }
  });

  test('are evenly apart in ratios', () => {
    const points = paretoPoints(1024, 16);
    const ratios = points.slice(1).map((above, i) => above / points[i]!);
    expect(Math.max(...ratios)).toBeLessThanOrEqual(3);
    expect(Math.min(...ratios.slice(3))).toBeGreaterThan(1.2);
  });
});

test('tokens per second of a user are 1000 over the 90th percentile of TPOT in ms', () => {
  expect(tpsPerUser(0.02)).toBe(50);
  expect(tpsPerUser(null)).toBeNull();
  expect(tpsPerUser(0)).toBeNull();
});
