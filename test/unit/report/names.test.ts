import { expect, test } from 'vitest';
import { EXPORTERS } from '../../../cli/output/index.js';
import { json } from '../../../cli/output/json.js';
import { renderTable } from '../../../cli/output/table.js';
import { buildReport } from '../../../report/build.js';
import { importanceOf } from '../../../report/importance.js';
import { pack, unpack } from '../../../report/payload.js';
import type { ReportRequest } from '../../../report/report.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial } from '../../support/records.js';

const records = [1, 2, 4, 8].map((threads, position) =>
  completeTrial({ experiment: experimentOf({ threads }), position }),
);
const request: ReportRequest = {
  sweepName: 'kv',
  objectives: [{ metric: 'decodeTokensPerSecond', better: 'max' }],
  names: [
    { name: 'as it is', at: { threads: [2], runner: ['llama-cpp'] }, single: true },
    { name: 'wide', at: { threads: [4, 8] }, single: false },
  ],
};

test('names of points are a column, and the labels of rows; what has none has a dash', () => {
  const report = buildReport(records, request);
  expect(report.axes.map(({ name }) => name)).toEqual(['name', 'threads']);
  expect(report.axes[0]?.texts).toEqual(['-', 'as it is', 'wide']);
  expect(report.rows.map(({ label }) => label)).toEqual([
    'threads=1',
    'as it is',
    'wide threads=4',
    'wide threads=8',
  ]);
  const style = { colour: false, unicode: false, columns: 100 };
  expect(renderTable(report, style as never)).toContain('as it is');
  expect(EXPORTERS.csv(report).text).toMatch(/^number,.*\bname\b/);
  const rows = (JSON.parse(json(report).text) as { rows: { label: string; axes: { name: string } }[] }).rows;
  expect(rows[1]).toMatchObject({ label: 'as it is', axes: { name: 'as it is', threads: 2 } });
  const grid = [0, 1, 2, 3].flatMap((parallel) =>
    [1, 2, 4, 8].map((threads, i) =>
      completeTrial({
        experiment: experimentOf({ threads, parallel: parallel + 1 }),
        position: 4 * parallel + i,
      }),
    ),
  );
  const { axes, rows: more } = buildReport(grid, request);
  const counted = importanceOf(axes, more, 'decodeTokensPerSecond').axes?.map(({ axis }) => axis);
  expect(counted?.sort()).toEqual(['parallel', 'threads']);
});

test('a page has the names; a report without any is as it was', () => {
  const report = buildReport(records, request);
  const packed = pack(records, new Set(), report);
  expect(buildReport(unpack(packed), packed).rows.map(({ label }) => label)).toEqual(
    report.rows.map(({ label }) => label),
  );
  expect(buildReport(records, { ...request, names: [] }).axes.map(({ name }) => name)).toEqual(['threads']);
});
