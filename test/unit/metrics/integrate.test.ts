import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  counterDifference,
  gaugeIntegral,
  gaugeMax,
  gaugeMean,
  type Window,
} from '../../../core/metrics/integrate.js';
import { cleanSeries, isSentinel, withoutPlateaus } from '../../../core/metrics/series.js';
import type { SampleSeries } from '../../../core/result/result.js';
import { forAll } from '../../support/for-all.js';

function series(
  kind: 'gauge' | 'counter',
  readings: readonly (readonly [seconds: number, value: number])[],
  periodSeconds = 0.1,
): SampleSeries {
  return {
    meter: 'test',
    quantity: kind === 'counter' ? 'energyJoules:gpu' : 'powerWatts:gpu',
    unit: kind === 'counter' ? 'J' : 'W',
    kind,
    periodSeconds,
    seconds: readings.map((r) => r[0]),
    values: readings.map((r) => r[1]),
  };
}
const clean = (...args: Parameters<typeof series>) => cleanSeries(series(...args));
const window = (startSeconds: number, endSeconds: number): Window => ({ startSeconds, endSeconds });
const value = (reading: ReturnType<typeof gaugeMean>) => {
  if (reading.value === null) throw new Error(reading.reason);
  return reading.value;
};

describe('cleaning', () => {
  test('drivers that say "not supported" with a number are not believed', () => {
    for (const blank of [
      Number('9223372036854775794'),
      0xffffffff,
      0x7ffffff2,
      2 ** 47,
      2 ** 64,
      Number.NaN,
      Infinity,
    ]) {
      expect(isSentinel(blank)).toBe(true);
    }
    expect(isSentinel(80e9)).toBe(false);
    const { seconds, repairs } = clean('gauge', [
      [0, 100],
      [0.1, 2 ** 63],
      [0.2, Number.NaN],
      [0.3, 110],
    ]);
    expect(seconds).toEqual([0, 0.3]);
    expect(repairs).toEqual({ dropped: 2, averaged: 0, reordered: 0 });
  });

  test('readings are put in order and those of one moment averaged', () => {
    const result = clean('gauge', [
      [0.2, 30],
      [0, 10],
      [0.1, 20],
      [0.1, 40],
    ]);
    expect(result.seconds).toEqual([0, 0.1, 0.2]);
    expect(result.values).toEqual([10, 30, 30]);
    expect(result.repairs).toEqual({ dropped: 0, averaged: 1, reordered: 1 });
  });

  test('a staircase becomes the line that was walked', () => {
    // 10 W, counted every 0.1 s, read every 0.02 s.
    const readings = Array.from({ length: 101 }, (_, i) => [i * 0.02, Math.floor(i / 5)] as const);
    const stairs = clean('counter', readings);
    expect(value(counterDifference(stairs, window(0.35, 1.09)))).not.toBeCloseTo(7.4, 1);
    expect(value(counterDifference(withoutPlateaus(stairs), window(0.35, 1.09)))).toBeCloseTo(7.4, 9);
  });
});

describe('counters', () => {
  test('edges are interpolated between the neighbouring readings', () => {
    const counter = clean(
      'counter',
      [
        [0, 0],
        [1, 100],
        [2, 300],
      ],
      1,
    );
    expect(value(counterDifference(counter, window(0.5, 1.5)))).toBe(150);
    expect(value(counterDifference(counter, window(0, 2)))).toBe(300);
  });

  test('a window that readings do not bracket has no number, with the reason', () => {
    const counter = clean(
      'counter',
      [
        [1, 0],
        [2, 100],
      ],
      1,
    );
    expect(counterDifference(counter, window(0.5, 1.5))).toEqual({
      value: null,
      reason: 'energyJoules:gpu begins at 1.000 s, after the window (0.500 s)',
      code: 'meter-uncovered',
    });
    expect(counterDifference(counter, window(1.5, 2.5))).toMatchObject({
      value: null,
      reason: /ends at 2.000 s/,
    });
    expect(counterDifference(counter, window(1.5, 1.5))).toMatchObject({ value: null, reason: /no length/ });
    expect(counterDifference(clean('counter', []), window(0, 1))).toMatchObject({ reason: /no readings/ });
  });

  test('a reset inside the window makes it unknown, outside it does no harm', () => {
    const counter = clean(
      'counter',
      [
        [0, 900],
        [1, 1000],
        [2, 20],
        [3, 120],
      ],
      1,
    );
    expect(counterDifference(counter, window(0.5, 2.5))).toMatchObject({
      value: null,
      reason: /reset at 2.000 s/,
    });
    expect(value(counterDifference(counter, window(0, 1)))).toBe(100);
    expect(value(counterDifference(counter, window(2.25, 2.75)))).toBe(50);
  });

  test('a gap in the middle costs nothing, a gap over an edge is told', () => {
    const counter = clean('counter', [
      [0, 0],
      [0.1, 10],
      [2, 200],
      [2.1, 210],
    ]);
    expect(counterDifference(counter, window(0.05, 2.05))).toMatchObject({ gapSeconds: null });
    expect(value(counterDifference(counter, window(0.05, 2.05)))).toBeCloseTo(200, 9);
    expect(counterDifference(counter, window(0.05, 1))).toMatchObject({ gapSeconds: 1.9 });
  });
});

describe('gauges', () => {
  const ramp = clean(
    'gauge',
    [
      [0, 0],
      [1, 100],
      [2, 100],
    ],
    1,
  );

  test('trapezoids with interpolated edges', () => {
    // 50→100 over half a second, then 100 for half a second.
    expect(value(gaugeIntegral(ramp, window(0.5, 1.5)))).toBe(37.5 + 50);
    expect(value(gaugeMean(ramp, window(0, 2)))).toBe(75);
  });

  test('the largest reading is a reading: nothing is interpolated', () => {
    expect(value(gaugeMax(ramp, window(0, 1)))).toBe(100);
    expect(gaugeMax(ramp, window(0.2, 0.8))).toMatchObject({ value: null, reason: /no reading inside/ });
  });

  test('a gap anywhere inside is told', () => {
    const sparse = clean('gauge', [
      [0, 5],
      [0.1, 5],
      [0.9, 5],
      [1, 5],
    ]);
    expect(gaugeIntegral(sparse, window(0.05, 0.95))).toMatchObject({ gapSeconds: 0.8 });
    expect(gaugeIntegral(sparse, window(0, 0.1))).toMatchObject({ gapSeconds: null });
  });
});

/** Piecewise constant power with readings at every change: the truth is known exactly. */
const trace = fc
  .array(fc.record({ seconds: fc.integer({ min: 1, max: 50 }), watts: fc.integer({ min: 1, max: 700 }) }), {
    minLength: 2,
    maxLength: 30,
  })
  .map((steps) => {
    let t = 0;
    let joules = 0;
    const readings: [number, number][] = [[0, 0]];
    for (const step of steps) {
      t += step.seconds;
      joules += step.seconds * step.watts;
      readings.push([t, joules]);
    }
    return { steps, readings, end: t, joules };
  });

describe('on any trace', () => {
  test('a counter gives the exact energy of any window between readings, and windows add up', () => {
    fc.assert(
      fc.property(
        trace,
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        ({ steps, readings, end, joules }, cut) => {
          const counter = clean('counter', readings, 50);
          expect(value(counterDifference(counter, window(0, end)))).toBeCloseTo(joules, 6);
          const left = value(counterDifference(counter, window(0, cut * end)));
          const right = value(counterDifference(counter, window(cut * end, end)));
          expect(left + right).toBeCloseTo(joules, 6);
          // By hand: whole steps before the cut and the started one.
          let truth = 0;
          let t = 0;
          for (const step of steps) {
            truth += Math.min(step.seconds, Math.max(0, cut * end - t)) * step.watts;
            t += step.seconds;
          }
          expect(left).toBeCloseTo(truth, 5);
        },
      ),
    );
  });

  test('the mean of a gauge stays between its extremes and its integral is additive', () => {
    forAll(100, [trace, fc.double({ min: 0.01, max: 0.99, noNaN: true })], ({ readings, end }, cut) => {
      const gauge = clean('gauge', readings, 50);
      const average = value(gaugeMean(gauge, window(0, end)));
      expect(average).toBeGreaterThanOrEqual(Math.min(...gauge.values) - 1e-9);
      expect(average).toBeLessThanOrEqual(Math.max(...gauge.values) + 1e-9);
      const parts =
        value(gaugeIntegral(gauge, window(0, cut * end))) +
        value(gaugeIntegral(gauge, window(cut * end, end)));
      expect(parts / value(gaugeIntegral(gauge, window(0, end)))).toBeCloseTo(1, 9);
    });
  });

  test('order and repeated delivery of readings do not matter', () => {
    forAll(100, [trace, fc.integer()], ({ readings, end }, seed) => {
      const shuffled = [...readings, ...readings].sort(
        (a, b) => ((a[0] * 7919 + seed) % 101) - ((b[0] * 7919 + seed) % 101),
      );
      const part = window(end * 0.2, end * 0.7);
      expect(counterDifference(clean('counter', shuffled, 50), part)).toEqual(
        counterDifference(clean('counter', readings, 50), part),
      );
    });
  });
});
