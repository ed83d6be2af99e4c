import { expect, test } from 'vitest';
import { shiftOf } from '../../../dashboards/web/src/table/in-view.js';
import { sortRows } from '../../../dashboards/web/src/table/sort.js';
import { Widths } from '../../../dashboards/web/src/table/widths.js';
import { buildReport } from '../../../report/build.js';
import { sweepRecords } from '../../support/sweep-records.js';

const report = buildReport(sweepRecords({ experiments: 24 }), { sweepName: 's', objectives: [] });
const { rows, metrics } = report;

test('a row is found again by how far others have pushed it', () => {
  const without = rows.filter((_, i) => i !== 2 && i !== 5);
  expect(shiftOf(without, rows, 0)).toBe(0);
  expect(shiftOf(without, rows, 3)).toBe(1);
  expect(shiftOf(without, rows, 20)).toBe(2);
  expect(shiftOf(rows, without, 20)).toBe(-2);
  expect(shiftOf(rows, without, 5)).toBe(0);
  expect(shiftOf([], rows, 5)).toBe(0);
});

test('columns are as wide as their widest value, whichever rows were measured before', () => {
  const grown = new Widths();
  for (let count = 1; count <= rows.length; count += 1) grown.widthsOf(rows.slice(0, count), metrics);
  const whole = new Widths().widthsOf(rows, metrics);
  expect(grown.widthsOf(rows, metrics)).toEqual(whole);
  expect(grown.widthsOf(rows, metrics.slice(1, 3))).toEqual(whole.slice(1, 3));
});

test('numbers sort both ways', () => {
  const down = sortRows(rows, { key: 'number', descending: true });
  expect(down.map(({ number }) => number)).toEqual(rows.map((_, i) => rows.length - i));
});
