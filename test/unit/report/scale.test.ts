import { expect, test } from 'vitest';
import { intervalShare, intervalText, ratioIntervalText, scaled } from '../../../report/scale.js';

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
