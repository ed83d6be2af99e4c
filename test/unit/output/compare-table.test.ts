import { expect, test } from 'vitest';
import { changesTable } from '../../../cli/compare/render.js';
import { buildReport } from '../../../report/build.js';
import { changesOf, matchRows } from '../../../report/compare.js';
import { sweepRecords } from '../../support/sweep-records.js';

const report = buildReport(sweepRecords({ experiments: 4 }), { sweepName: 's', objectives: [] });
const metrics = ['decodeTokensPerSecond', 'timeToFirstTokenSeconds', 'modelBytes'];
const changes = changesOf(matchRows(report, report, new Set()).pairs, metrics, null);
const table = (width: number) => changesTable(changes, width).split('\n');
const labels = [...new Set(changes.map(({ label }) => label))];

test('a comparison is a line for each change where that fits', () => {
  const lines = table(400);
  expect(lines[0]).toMatch(/^experiment +metric +A +B +change +95 % interval +verdict$/);
  expect(lines).toHaveLength(1 + changes.length);
});

test('on a narrower terminal each experiment stands above its changes, and nothing wraps', () => {
  const whole = Math.max(...table(400).map((line) => line.length));
  const lines = table(whole - 1);
  expect(lines[0]).toMatch(/^ +metric +A +B +change/);
  expect(lines.filter((line) => !line.startsWith(' '))).toEqual(labels);
  expect(lines).toHaveLength(1 + labels.length + changes.length);
  for (const width of [60, 80]) {
    const narrow = table(width);
    for (const line of narrow) expect(line.length).toBeLessThanOrEqual(width);
    expect(narrow.filter((line) => labels.includes(line))).toEqual(labels);
  }
  expect(table(60)[0]).toMatch(/^ +metric +change +95 % interval +verdict$/);
  expect(table(60).at(-1)).toMatch(/^no room here for A and B/);
});
