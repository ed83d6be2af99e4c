import { describe, expect, test } from 'vitest';
import { controlChart } from '../../../statistics/control-chart.js';
import { normalQuantile } from '../../../statistics/distributions.js';

/** Normal values by a generator of one line (Lehmer), the same everywhere. */
function normals(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (state * 48271) % 2147483647;
    return normalQuantile(state / 2147483647);
  });
}

describe('a chart of individuals', () => {
  test('has the limits of its values, which an outlier and a change do not widen', () => {
    const calm = normals(200, 7);
    const chart = controlChart(calm)!;
    expect(chart.sigma).toBeGreaterThan(0.85);
    expect(chart.sigma).toBeLessThan(1.15);
    expect(chart.beyond.length).toBeLessThan(4);
    const shifted = controlChart(calm.map((value, i) => (i < 100 ? value : value + 4)))!;
    expect(shifted.sigma / chart.sigma).toBeCloseTo(1, 1);
    expect(Math.abs(shifted.centre)).toBeLessThan(0.3);
    expect(shifted.changes).toHaveLength(1);
    expect(shifted.changes[0]!.at).toBeGreaterThan(97);
    expect(shifted.changes[0]!.at).toBeLessThan(103);
    expect(shifted.changes[0]!.by).toBeCloseTo(4, 0);
    expect(controlChart(calm.with(150, 9))!.beyond).toContain(150);
  });

  test('finds several changes in order, and accuses a steady machine seldom', () => {
    const steps = normals(90, 3).map((value, i) => value / 4 + (i < 30 ? 0 : i < 60 ? 2 : 0.5));
    expect(controlChart(steps)!.changes.map(({ at }) => Math.round(at / 10))).toEqual([3, 6]);
    const accused = Array.from({ length: 100 }, (_, seed) => controlChart(normals(20, seed + 11))!).filter(
      ({ changes }) => changes.length > 0,
    );
    expect(accused.length).toBeLessThanOrEqual(5);
  });

  test('says nothing of fewer than five values', () => {
    expect(controlChart([1, 2, 3, 4])).toBeNull();
    expect(controlChart([1, 1, 1, 1, 1])).toMatchObject({ centre: 1, sigma: 0, beyond: [], changes: [] });
  });
});
