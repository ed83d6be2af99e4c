import { expect, test } from 'vitest';
import { renderTable } from '../../../cli/output/table.js';
import { columnsOf } from '../../../cli/output/text.js';
import { qualityFindings } from '../../../judgement/quality.js';
import { buildReport } from '../../../report/build.js';
import { waysOf } from '../../../report/ways.js';
import { waysRecords } from '../../support/ways-records.js';

const report = buildReport(waysRecords(), { sweepName: 'ways', objectives: [] });

test('each way of a task has a line in each row, with what it gains over the first and takes', () => {
  const [sums, ...others] = waysOf(report.rows);
  expect(others.map(({ task }) => task)).toEqual([]);
  expect(sums).toMatchObject({ task: 'sums', items: 40, score: 'exact' });
  expect(
    sums!.lines.map(({ row, way, gain }) => [row.number, way, gain === null ? null : Math.round(100 * gain)]),
  ).toEqual([
    [1, 'plain', null],
    [1, 'examples=3', 20],
    [2, 'plain', null],
    [2, 'examples=3', -10],
  ]);
  expect(sums!.lines[1]).toMatchObject({ tokensIn: 300, tokensOut: 20, seconds: 0.04 });
});

test('the table of a terminal shows them, within its width', () => {
  for (const width of [60, 120]) {
    const text = renderTable(report, { width, color: false, unicode: true });
    for (const line of text.split('\n')) expect(columnsOf(line)).toBeLessThanOrEqual(width);
  }
  const text = renderTable(report, { width: 120, color: false, unicode: true });
  expect(text).toMatch(/examples=3 +60\.0 ± 15\.7 % +\+20\.0 +300 +20 +40/);
});

test('ways are averaged within their task before tasks are', () => {
  const [record] = waysRecords();
  const { entries } = qualityFindings(record!);
  // (0.4 + 0.6) / 2 of sums, and 0.9 of a task that is asked in one way.
  expect(entries.taskScoreRatio?.value).toBeCloseTo((0.5 + 0.9) / 2, 12);
});
