import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Meter } from '../../../agent/meters/meter.js';
import { Recorder } from '../../../agent/meters/recorder.js';
import { ChangeWatch, measurePeriods } from '../../../agent/meters/update-period.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { forAll } from '../../support/for-all.js';
import { lookedAtClock } from '../../support/looked-at-clock.js';

afterEach(() => void vi.restoreAllMocks());

/** A source that holds its value for a while: what a reading of it at a time gives. */
const stairs = (periodSeconds: number) => (seconds: number) => Math.floor(seconds / periodSeconds);

function watched(kind: 'counter' | 'gauge', times: readonly number[], value: (t: number) => number) {
  const watch = new ChangeWatch(kind);
  for (const t of times) watch.see(t, value(t));
  return watch.period();
}

describe('the period of a source', () => {
  test('is told to about a reading, whatever it is, when readings are uneven', () => {
    const pauses = fc.array(fc.double({ min: 0.0008, max: 0.002, noNaN: true }), {
      minLength: 2000,
      maxLength: 2000,
    });
    forAll(100, [pauses, fc.double({ min: 0.01, max: 0.15, noNaN: true })], (steps, periodSeconds) => {
      let now = 100;
      const times = steps.map((step) => (now += step));
      const { seconds } = watched('counter', times, stairs(periodSeconds));
      expect(Math.abs(seconds! - periodSeconds)).toBeLessThanOrEqual(0.0021);
    });
  });

  test('is told on a machine that often has no time to look', () => {
    const pauses = fc.array(fc.double({ min: 0.0008, max: 0.002, noNaN: true }), {
      minLength: 1500,
      maxLength: 1500,
    });
    const stalls = fc.array(fc.integer({ min: 0, max: 1499 }), { minLength: 20, maxLength: 20 });
    forAll(100, [pauses, stalls, fc.constantFrom('counter', 'gauge')], (steps, stalled, kind) => {
      let now = 100;
      const times = steps.map((step, i) => (now += stalled.includes(i) ? 0.02 : step));
      const { seconds } = watched(kind, times, stairs(0.05));
      expect(Math.abs(seconds! - 0.05)).toBeLessThanOrEqual(0.0051);
    });
  });

  test('of a gauge that is often renewed with the same value is not taken for a multiple', () => {
    const times = Array.from({ length: 4000 }, (_, i) => i / 1000);
    // Renewed every 50 ms, but two renewals of five change nothing.
    const held = (t: number) => [0, 1, 1, 2, 2][stairs(0.05)(t) % 5]! + 10 * Math.floor(t / 0.25);
    expect(watched('gauge', times, held).seconds).toBeCloseTo(0.05, 2);
  });

  test('is not made up where hardly anything changed', () => {
    const times = Array.from({ length: 1500 }, (_, i) => i / 1000);
    expect(watched('gauge', times, () => 7)).toEqual({
      seconds: null,
      changes: 0,
      reason: 'it changed 0 times in 1.5 s',
    });
    const seldom = { seconds: null, changes: 3, reason: 'it changed 3 times in 1.5 s' };
    expect(watched('gauge', times, stairs(0.4))).toEqual(seldom);
    // A counter cannot stand still: it moved three times because its renewals are so far apart.
    expect(watched('counter', times, stairs(0.4)).seconds).toBeCloseTo(0.4, 2);
    expect(watched('counter', times, stairs(0.6))).toEqual({
      ...seldom,
      changes: 2,
      reason: 'it changed 2 times in 1.5 s',
    });
    expect(watched('counter', [], stairs(1))).toEqual({
      seconds: null,
      changes: 0,
      reason: 'it gave no reading',
    });
  });
});

describe('measuring at the start', () => {
  const meter = (periodSeconds: number): Meter => ({
    name: 'nvml',
    ownRhythm: true,
    quantities: [
      { name: 'energyJoules:gpu', unit: 'J', kind: 'counter', domain: 'gpu' },
      { name: 'deviceClockHertz', unit: 'Hz', kind: 'gauge', domain: null },
    ],
    periodSeconds: 0.1,
    attach() {},
    read() {
      const seconds = monotonicSeconds();
      return [
        { quantity: 'energyJoules:gpu', seconds, value: stairs(periodSeconds)(seconds) },
        { quantity: 'deviceClockHertz', seconds, value: 1e9 },
      ];
    },
    close() {},
  });

  const ENERGY = 'nvml/energyJoules:gpu';

  test('sees a slow source between its pauses and a fast one in its burst', async () => {
    const pause = lookedAtClock();
    const slow = await measurePeriods([meter(0.02)], { burstSeconds: 0.01, totalSeconds: 1 }, pause);
    expect(slow.get(ENERGY)?.seconds).toBeCloseTo(0.02, 3);
    expect(slow.get('nvml/deviceClockHertz')).toMatchObject({ seconds: null });
    const fast = await measurePeriods([meter(0.0005)], { burstSeconds: 0.05, totalSeconds: 0.05 }, pause);
    expect(fast.get(ENERGY)?.seconds).toBeCloseTo(0.0005, 4);
  });

  test('waits longer for a counter that moves, but seldom', async () => {
    const limits = { burstSeconds: 0.01, totalSeconds: 0.3 };
    const rare = await measurePeriods([meter(0.2)], limits, lookedAtClock());
    expect(rare.get(ENERGY)?.seconds).toBeCloseTo(0.2, 2);
  });

  test('does not wait for a source that stands still, and takes no time without any', async () => {
    let waited = 0;
    const passes = lookedAtClock();
    const pause = (milliseconds: number) => {
      waited += milliseconds / 1000;
      return passes(milliseconds);
    };
    expect(await measurePeriods([], undefined, pause)).toEqual(new Map());
    expect(waited).toBe(0);
    const stuck = await measurePeriods([meter(1e9)], { burstSeconds: 0.01, totalSeconds: 0.4 }, pause);
    expect(stuck.get(ENERGY)).toMatchObject({ reason: expect.stringMatching(/changed 0 times/) });
    // Three quarters of the time.
    expect(waited).toBeCloseTo(0.3, 1);
    expect(waited).toBeLessThan(0.31);
  });

  test('takes the time of the machine where nobody says otherwise', async () => {
    const seen = await measurePeriods([meter(0.001)], { burstSeconds: 0.001, totalSeconds: 0.1 });
    expect(seen.get(ENERGY)?.changes).toBeGreaterThan(0);
  });

  test('goes into the series: what was seen, or the time between readings', () => {
    const seen = new Map([['nvml/energyJoules:gpu', { seconds: 0.02, changes: 25 }]]);
    const recorder = new Recorder([meter(0.02)], seen);
    recorder.start();
    recorder.stop();
    expect(recorder.series(0).map(({ periodSeconds }) => periodSeconds)).toEqual([0.02, 0.1]);
  });
});
