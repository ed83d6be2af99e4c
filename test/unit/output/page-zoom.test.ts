import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { logTicks, shift, zoomAbout } from '../../../dashboards/web/src/charts/zoom.js';
import { forAll } from '../../support/for-all.js';

const extent = fc
  .tuple(fc.double({ min: 1e-9, max: 1e12, noNaN: true }), fc.double({ min: 1.01, max: 1e6, noNaN: true }))
  .map(([low, ratio]) => ({ low, high: low * ratio }));
const near = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-6 * Math.max(a, b));

describe('zoom of plots', () => {
  test('the value under the pointer stays where it is, on both kinds of axes', () => {
    forAll(100, [extent, fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true })], (before, log, at) => {
      const after = zoomAbout(before, log, at, 0.5);
      const value = ({ low, high }: typeof before) =>
        log ? low * (high / low) ** at : low + at * (high - low);
      near(value(after), value(before));
      const length = ({ low, high }: typeof before) => (log ? Math.log10(high / low) : high - low);
      near(length(after), length(before) / 2);
    });
  });

  test('zooming in and out again, and moving there and back, changes nothing', () => {
    forAll(100, [extent, fc.boolean()], (before, log) => {
      for (const after of [
        zoomAbout(zoomAbout(before, log, 0.3, 0.7), log, 0.3, 1 / 0.7),
        shift(shift(before, log, 0.2), log, -0.2),
      ]) {
        near(after.low, before.low);
        near(after.high, before.high);
      }
    });
  });

  test('nothing is zoomed closer than numbers can be told apart', () => {
    let now = { low: 1, high: 2 };
    for (let i = 0; i < 500; i++) now = zoomAbout(now, false, 0.5, 0.5);
    expect(now.high - now.low).toBeGreaterThan(1e-10);
  });

  test('a logarithmic axis has between two and a dozen ticks, all inside and rising', () => {
    forAll(100, [extent], (range) => {
      const ticks = logTicks(range);
      expect(ticks.length).toBeLessThanOrEqual(12);
      if (range.high > range.low * 5) expect(ticks.length).toBeGreaterThanOrEqual(2);
      for (const [i, tick] of ticks.entries()) {
        expect(tick).toBeGreaterThanOrEqual(range.low * (1 - 1e-9));
        expect(tick).toBeLessThanOrEqual(range.high * (1 + 1e-9));
        if (i > 0) expect(tick).toBeGreaterThan(ticks[i - 1] ?? 0);
      }
    });
    expect(logTicks({ low: 1, high: 100 })).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(logTicks({ low: 20, high: 45 })).toEqual([20, 25, 30, 35, 40, 45]);
  });
});
