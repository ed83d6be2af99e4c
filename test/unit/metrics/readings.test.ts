import { expect, test } from 'vitest';
import { METRICS } from '../../../core/metrics/catalogue.js';
import { QUANTITIES } from '../../../core/metrics/meters.js';
import { SEVERITIES, WARNINGS } from '../../../core/result/warnings.js';

const readings = METRICS.flatMap(({ name, unit, reading }) =>
  reading === null ? [] : [{ name, unit, on: [reading.onCpu, reading.onDevice] }],
);

test('a metric that is a mean or a peak of readings has their unit, and they are of gauges', () => {
  expect(readings.map(({ name }) => name)).toContain('temperaturePeakCelsius');
  for (const { name, unit, on } of readings) {
    for (const quantity of on)
      expect(QUANTITIES[quantity], `${name} of ${quantity}`).toMatchObject({ unit, kind: 'gauge' });
  }
});

test('every metric is in a unit that says which way is better, and every warning has a severity', () => {
  expect(METRICS.filter(({ better }) => better === undefined)).toEqual([]);
  expect(Object.values(WARNINGS).filter(({ severity }) => !SEVERITIES.includes(severity))).toEqual([]);
});
