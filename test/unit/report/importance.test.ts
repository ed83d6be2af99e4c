import { expect, test } from 'vitest';
import { buildReport } from '../../../report/build.js';
import { importanceOf } from '../../../report/importance.js';
import { quotedOf } from '../../../report/quoted.js';
import { sweepRecords } from '../../support/sweep-records.js';

const report = buildReport(sweepRecords({ experiments: 24 }), { sweepName: 's', objectives: [] });

test('the size of a model is explained by its quantization alone, and by it whole', () => {
  const { axes, together, rows } = importanceOf(report.axes, report.rows, 'modelBytes');
  expect(rows).toBe(report.counts.valid);
  expect(axes?.[0]?.axis).toBe('quantization');
  // One row is invalid and one failed, so the design is not quite balanced: what others could explain of it
  // is theirs in part.
  expect(axes?.[0]?.share).toBeGreaterThan(0.95);
  expect(together).toBeCloseTo(1, 6);
  expect(axes?.map(({ axis }) => axis).sort()).toEqual(report.axes.map(({ name }) => name).sort());
  for (const { share, chance } of axes?.slice(1) ?? []) expect(share).toBeLessThan(chance);
});

test('shares of a factor of so many times do not depend on the unit, and few rows tell nothing', () => {
  const whole = importanceOf(report.axes, report.rows, 'decodeTokensPerSecond');
  expect(whole.axes?.every(({ share }) => share >= 0 && share <= 1)).toBe(true);
  const few = report.rows.filter((row) => quotedOf(row, 'modelBytes') !== null).slice(0, 4);
  expect(importanceOf(report.axes, few, 'modelBytes')).toMatchObject({ axes: null, together: null });
  expect(importanceOf(report.axes, report.rows, 'perplexity').rows).toBe(0);
});
