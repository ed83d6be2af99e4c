import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { measurePeriod } from '../../../agent/meters/period.js';

/** A clock that only waiting moves, always by `late` seconds more than was asked for. */
function virtual(late = 0.0002) {
  let now = 100;
  return {
    now: () => now,
    async sleep(seconds: number) {
      now += seconds + late;
    },
    /** A source that looks at the clock, and takes `cost` seconds of it. */
    source(valueAt: (t: number) => number | null, cost = 0) {
      return () => {
        const value = valueAt(now - 100);
        now += cost;
        return value;
      };
    },
  };
}

describe('the period of a source', () => {
  test('is what lies between two changes of a counter, for any period that is worth measuring', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.003, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 0.0005, noNaN: true }),
        async (period, phase, cost) => {
          const time = virtual();
          const read = time.source((t) => Math.floor(t / period + phase) * 7, cost);
          const measured = await measurePeriod(read, 'counter', { time });
          expect(measured.seconds).not.toBeNull();
          // Half of an interval between two looks, at either end, whatever is the longer of the two rules.
          const error = Math.max(0.06 * period, 0.0012 + 6 * cost);
          expect(Math.abs(measured.seconds! - period)).toBeLessThanOrEqual(error);
        },
      ),
    );
  });

  test('of a gauge is not the time for which it happens to keep its value', async () => {
    const time = virtual();
    // Every second update brings the same value again, now and then two of them.
    const read = time.source((t) => [3, 4, 4, 5, 6, 6, 6, 7][Math.floor(t / 0.1) % 8]!);
    const measured = await measurePeriod(read, 'gauge', { time });
    expect(measured.seconds).toBeCloseTo(0.1, 2);
  });

  test('ends soon for a fast source, and looks seldom at a slow one', async () => {
    const fast = virtual();
    await measurePeriod(
      fast.source((t) => Math.floor(t / 0.005)),
      'counter',
      { time: fast },
    );
    expect(fast.now() - 100).toBeLessThan(0.1);
    const slow = virtual();
    let reads = 0;
    const read = slow.source(() => 1);
    const counted = () => {
      reads++;
      return read();
    };
    await measurePeriod(counted, 'counter', { time: slow });
    expect(reads).toBeLessThan(200);
  });

  test('is a reason where nothing changed, too little did, or there was no value', async () => {
    const reasonOf = async (valueAt: (t: number) => number | null) => {
      const time = virtual();
      return measurePeriod(time.source(valueAt), 'counter', { time });
    };
    expect(await reasonOf(() => 5)).toEqual({ seconds: null, reason: 'it did not change within 4 s' });
    expect(await reasonOf((t) => Math.floor(t / 1.9))).toEqual({
      seconds: null,
      reason: 'it changed 2 times within 4 s',
    });
    expect(await reasonOf(() => null)).toEqual({ seconds: null, reason: 'it gave no value' });
  });

  test('steps over readings that are missing', async () => {
    const time = virtual();
    let reads = 0;
    const counter = time.source((t) => Math.floor(t / 0.1));
    const read = () => (reads++ % 3 === 0 ? null : counter());
    expect((await measurePeriod(read, 'counter', { time })).seconds).toBeCloseTo(0.1, 1);
  });
});

test('with real timers a real staircase has its period', async () => {
  const start = performance.now();
  const read = () => Math.floor((performance.now() - start) / 20);
  const measured = await measurePeriod(read, 'counter', { changes: 8 });
  // Wide, for other programs make changes be seen late; the clock above shows how exact it is.
  expect(measured.seconds).toBeGreaterThan(0.01);
  expect(measured.seconds).toBeLessThan(0.3);
});
