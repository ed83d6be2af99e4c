import { expect, test } from 'vitest';
import {
  boundedEnds,
  halfOf,
  intervalShare,
  intervalText,
  metricText,
  metricTick,
  quantity,
  ratioIntervalText,
  scaled,
  scaleOf,
  tick,
} from '../../../report/scale.js';

const whole = { unit: 'MB', divisor: 1e6, decimals: 0 };

test.each([
  [113.2e6, '113'],
  [0.33e6, '0.3'],
  [-0.04e6, '-0.04'],
  [12, '1.2e-5'],
  [0, '0'],
])('%d in a column of whole megabytes is %s: nothing but zero reads as zero', (value, text) => {
  expect(scaled(value, whole)).toBe(text);
});

test('an interval that is narrower than the last digit of its value still says how wide it is', () => {
  expect(intervalText(114e6, [113.67e6, 114.33e6], whole)).toBe('± 0.3');
  expect(intervalText(1.48e6, [1.5e3, 1484e6], whole)).toBe('[× or ÷ 10 and more]');
});

test('the interval of a ratio that spans orders of magnitude says only that', () => {
  expect(ratioIntervalText([1.1021, 1.1859])).toBe('1.102 to 1.186');
  expect(ratioIntervalText([0.3, 29])).toBe('0.300 to 29.000');
  for (const interval of [[0.014, 93.3] as const, [0, 18_000] as const])
    expect(ratioIntervalText(interval)).toBe('× or ÷ 10 and more');
});

test('an interval as a share of its value is its longer side', () => {
  expect(intervalShare(2040, [1900, 2200])).toBe('± 8 %');
  expect(intervalShare(100, [73, 120])).toBe('± 27 %');
  expect(intervalShare(100, [99.99, 100.01])).toBe('± <0.1 %');
  expect(intervalShare(10, [4, 31])).toBe('± 210 %');
  expect(intervalShare(10, [0.1, 31])).toBe('[× or ÷ 10 and more]');
});

test('the prefix of a column follows its median, the decimals its smallest value', () => {
  expect(scaleOf('s', [0.0012, 0.012, 0.12])).toEqual({ unit: 'ms', divisor: 1e-3, decimals: 2 });
  expect(scaleOf('s', [0.5, 2, 3])).toMatchObject({ unit: 's', decimals: 3 });
  // A value far below a thousandth of the largest does not stretch the column.
  expect(scaleOf('s', [1e-3, 2, 300_000])).toMatchObject({ unit: 's', decimals: 0 });
  expect(scaleOf('B', [1e9, 2e9, 3e9])).toMatchObject({ unit: 'GB', decimals: 0 });
  expect(scaleOf('s', [])).toMatchObject({ unit: 's' });
  // Zero and what is no number have no size.
  expect(scaleOf('s', [0, Number.NaN, 0.012])).toEqual(scaleOf('s', [0.012]));
  expect(scaleOf('s', [-0.012])).toEqual(scaleOf('s', [0.012]));
});

test('tokens a second have no prefix, however many', () => {
  expect(quantity(53_190, 'tokens/s')).toBe('53190 t/s');
  expect(quantity(12.34, 'tokens/s')).toBe('12.3 t/s');
});

test('a quantity alone has its own prefix, and a ratio no unit', () => {
  expect(quantity(0.0123, 's')).toBe('12.3 ms');
  expect(quantity(0.98, 'ratio')).toBe('0.980');
});

test('an interval is written by its longer side, or by its ends where they are not alike', () => {
  const scale = { unit: 't/s', divisor: 1, decimals: 0 };
  expect(intervalText(1000, [962, 1036], scale)).toBe('± 38');
  expect(intervalText(1850, [1801, 1888], scale)).toBe('[1801, 1888]');
  expect(halfOf([962, 1036])).toBe(37);
  expect(halfOf(null)).toBe(0);
});

test('exports leave out an interval that spans orders of magnitude', () => {
  expect(boundedEnds([1, 100])).toEqual([1, 100]);
  expect(boundedEnds([1, 101])).toBeNull();
  expect(boundedEnds([-1, 101])).toEqual([-1, 101]);
  expect(boundedEnds(null)).toBeNull();
});

test('a metric has the digits that its interval can carry', () => {
  expect(metricText('perplexity', 36.2984, [35.66, 36.94])).toBe('36.30 ± 0.64');
  expect(metricText('klDivergenceNats', 0.000312)).toBe('0.000312 nats');
  expect(metricText('failedRequestsRatio', 0.0312)).toMatch(/^3\.1\d* %$/);
});

test('ticks of an axis are short', () => {
  expect(tick(0, 's')).toBe('0');
  expect(tick(0.2, 's')).toBe('200 ms');
  expect(tick(-0.2, 's')).toBe('-200 ms');
  expect(tick(1500, 'tokens/s')).toBe('1.5 k t/s');
  // 0.99995 s, which rounding made of 1 s, is no 1000 ms.
  expect(tick(0.99995, 's')).toBe('1 s');
  expect(metricTick('failedRequestsRatio', 0.97)).toBe('97 %');
  expect(metricTick('decodeTokensPerSecond', 1500)).toBe('1.5 k t/s');
});
