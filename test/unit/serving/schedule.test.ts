import { describe, expect, test } from 'vitest';
import { type ScheduledArrival, startsOf } from '../../../core/serving/arrivals.js';
import { Pacer } from '../../../load/pacer.js';
import { cv, mean } from '../../../statistics/summary.js';

function first(count: number, arrival: ScheduledArrival, seed = 1): number[] {
  const starts: number[] = [];
  for (const start of startsOf(arrival, seed)) {
    if (starts.length === count) break;
    starts.push(start);
  }
  return starts;
}

const gaps = (starts: readonly number[]) => starts.slice(1).map((start, i) => start - starts[i]!);

describe('starts', () => {
  test('of one seed are the same, of another they are not', () => {
    const arrival = { kind: 'open', requestsPerSecond: 10, shape: 1 } as const;
    expect(first(50, arrival, 7)).toEqual(first(50, arrival, 7));
    expect(first(50, arrival, 7)).not.toEqual(first(50, arrival, 8));
  });

  test.each([
    [0.25, 2],
    [1, 1],
    [4, 0.5],
  ])('gaps of shape %d have the mean of the rate and a coefficient of variation of %d', (shape, spread) => {
    const found = gaps(first(20_000, { kind: 'open', requestsPerSecond: 50, shape }));
    expect(mean(found)).toBeGreaterThan(0.019);
    expect(mean(found)).toBeLessThan(0.021);
    expect(cv(found)!).toBeGreaterThan(spread * 0.95);
    expect(cv(found)!).toBeLessThan(spread * 1.05);
  });

  test('a constant rate has constant gaps, a million requests on, too', () => {
    const starts = first(1_000_001, {
      kind: 'open',
      requestsPerSecond: 1000,
      shape: Number.POSITIVE_INFINITY,
    });
    expect(starts[1_000_000]).toBe(1000);
  });

  test('a ramp grows evenly and ends', () => {
    const starts = first(1e6, { kind: 'ramp', fromPerSecond: 0, toPerSecond: 400, seconds: 100 });
    // The integral of the rate: 20,000 in all, a quarter of them in the first half; four standard deviations.
    expect(Math.abs(starts.length - 20_000)).toBeLessThan(4 * Math.sqrt(20_000));
    const half = starts.filter((start) => start < 50).length;
    expect(Math.abs(half - 5000)).toBeLessThan(4 * Math.sqrt(5000));
    expect(starts.at(-1)).toBeLessThanOrEqual(100);
    const flat = first(1e6, { kind: 'ramp', fromPerSecond: 100, toPerSecond: 100, seconds: 100 });
    expect(Math.abs(flat.length - 10_000)).toBeLessThan(400);
    const down = first(1e6, { kind: 'ramp', fromPerSecond: 400, toPerSecond: 0, seconds: 100 });
    expect(Math.abs(down.filter((start) => start < 50).length - 15_000)).toBeLessThan(4 * Math.sqrt(15_000));
  });

  test('offline starts all at once', () => {
    expect(first(3, { kind: 'offline' })).toEqual([0, 0, 0]);
  });
});

describe('a pacer', () => {
  test('acts in the order of times, of one time in the order it was asked, and never early', async () => {
    const now = () => performance.now() / 1000;
    const pacer = new Pacer(now);
    const start = now();
    const seen: string[] = [];
    const early: number[] = [];
    await new Promise<void>((resolve) => {
      const act = (name: string, after: number) =>
        pacer.schedule(start + after, () => {
          if (now() < start + after) early.push(after);
          seen.push(name);
        });
      act('c', 0.02);
      act('a', 0.01);
      act('d', 0.02);
      act('b', 0.01);
      pacer.schedule(start + 0.03, resolve);
    });
    expect(seen).toEqual(['a', 'b', 'c', 'd']);
    expect(early).toEqual([]);
  });

  test('forgets what it has not begun', async () => {
    const now = () => performance.now() / 1000;
    const [pacer, other] = [new Pacer(now), new Pacer(now)];
    const start = now();
    let acted = false;
    pacer.schedule(start + 0.005, () => {
      acted = true;
    });
    pacer.close();
    // Later than what is forgotten.
    await new Promise<void>((resolve) => other.schedule(start + 0.01, resolve));
    expect(acted).toBe(false);
  });
});
