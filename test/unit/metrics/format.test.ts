import fc from 'fast-check';
import { expect, test } from 'vitest';
import { METRIC_NAMES, METRICS } from '../../../core/metrics/catalogue.js';
import { formatPercent, formatValue } from '../../../core/metrics/format.js';
import { forAll } from '../../support/for-all.js';

test('numbers read the way people say them', () => {
  expect(formatValue(1234, 'tokens/s')).toBe('1.23 k t/s');
  expect(formatValue(87.654, 'tokens/s')).toBe('87.7 t/s');
  expect(formatValue(0.5, 'tokens/s')).toBe('0.500 t/s');
  expect(formatValue(16.9e6, 'B')).toBe('16.9 MB');
  expect(formatValue(512, 'B')).toBe('512 B');
  expect(formatValue(0.0034, 's')).toBe('3.40 ms');
  expect(formatValue(75, 's')).toBe('75.0 s');
  expect(formatValue(4321, 's')).toBe('4321 s');
  expect(formatValue(3.69e9, 'Hz')).toBe('3.69 GHz');
  expect(formatValue(0.0123, 'J/token')).toBe('12.3 mJ/token');
  expect(formatValue(0, 'W')).toBe('0 W');
  expect(formatValue(-0.25, 'J')).toBe('-250 mJ');
  expect(formatValue(71.4, 'celsius')).toBe('71.4 °C');
  expect(formatValue(4.8944, 'ratio')).toBe('4.89');
});

test('rounding moves up to the next prefix and never writes an exponent', () => {
  expect(formatValue(999.6, 'tokens/s')).toBe('1.00 k t/s');
  expect(formatValue(0.0009996, 's')).toBe('1.00 ms');
  expect(formatValue(1e-12, 's')).toBe('0.00100 ns');
  forAll(100, [fc.double({ min: 1e-9, max: 1e15, noNaN: true })], (v) => {
    const text = formatValue(v, 'J');
    expect(text).not.toMatch(/e[+-]/);
    const match = /^([\d.]+) (.?)J$/.exec(text)!;
    const factor = { T: 1e12, G: 1e9, M: 1e6, k: 1e3, '': 1, m: 1e-3, µ: 1e-6, n: 1e-9 }[match[2]!]!;
    expect((Number(match[1]) * factor) / v).toBeCloseTo(1, 1);
  });
});

test('a percentage of nothing is a dash', () => expect(formatPercent(null)).toBe('–'));

test('catalogue: no name is used twice', () => {
  expect(new Set(METRIC_NAMES).size).toBe(METRICS.length);
  expect(new Set(METRICS.map((m) => m.prometheus)).size).toBe(METRICS.length);
});
