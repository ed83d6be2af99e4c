import { expect, test } from 'vitest';
import { changesTable, experimentsMarkdown, experimentsTable } from '../../../cli/compare/render.js';
import { buildReport } from '../../../report/build.js';
import { comparisonOf, matchRows } from '../../../report/compare.js';
import { byExperiment } from '../../../report/compare-summary.js';
import { sweepRecords } from '../../support/sweep-records.js';

const report = buildReport(sweepRecords({ experiments: 4 }), { sweepName: 's', objectives: [] });
const metrics = ['decodeTokensPerSecond', 'timeToFirstTokenSeconds', 'modelBytes'];
const changes = comparisonOf(matchRows(report, report, new Set()).pairs, metrics).changes;
const table = (width: number, { of = changes, cuts = true, unicode = true } = {}) =>
  changesTable(of, { width, unicode, cuts }).split('\n');
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

test('a long reason takes no column from the others: it is cut on a terminal, and whole in a pipe', () => {
  const whole = Math.max(...table(400).map((line) => line.length)) + 2;
  const reason = `B has none: ${'the machine was busy – '.repeat(20)}`;
  const of = changes.map((change, i) =>
    i === 1
      ? { ...change, b: null, change: null, interval: null, verdict: 'missing' as const, reason }
      : change,
  );
  const lines = table(whole, { of });
  expect(lines[0]).toMatch(/^experiment +metric +A +B +change/);
  expect(lines.filter((line) => line.endsWith('…'))).toEqual([lines[2]]);
  expect(lines.with(2, '')).toEqual(table(whole).with(2, ''));
  expect(table(whole, { of, unicode: false })[2]).toMatch(/^.*\.\.\.$/);
  for (const width of [60, whole]) {
    const piped = table(width, { of, cuts: false }).join('\n');
    expect(piped).toContain(reason.trimEnd());
    expect(piped).not.toContain('…');
    for (const line of table(width, { of, unicode: false })) expect(line.length).toBeLessThanOrEqual(width);
  }
});

test('by default an experiment is a line: with intervals where they fit, else without, and then with fewer metrics', () => {
  const groups = byExperiment(changes, metrics.slice(0, 2));
  const lines = (width: number, of = groups) =>
    experimentsTable(of, { width, unicode: true, cuts: true }).split('\n');
  expect(lines(400)).toHaveLength(1 + groups.length);
  expect(lines(400)[0]).toMatch(/^experiment +decode +95 % interval +TTFT +95 % interval$/);
  expect(lines(400)[1]).toMatch(/× 1\.000 +0\.\d{3} to 1\.\d{3} +would have seen [\d.]+ % /);
  for (const width of [80, 128])
    for (const line of lines(width)) expect(line.length).toBeLessThanOrEqual(width);
  const narrow = lines(50);
  expect(narrow[0]).toMatch(/^experiment +decode$/);
  expect(narrow.at(-1)).toMatch(/^no room here for TTFT/);
  const adjusted = groups.map((group, i) =>
    i === 0 ? [{ ...group[0]!, asMeasured: 0.8, adjustedBy: 1.25 }, group[1]!] : group,
  );
  expect(lines(400, adjusted)[1]).toMatch(/× 1\.000~ /);
  expect(lines(400, adjusted).at(-1)).toMatch(/^~ adjusted for neighbours, .* decode: × 0\.800 as measured$/);
  const markdown = experimentsMarkdown(adjusted).split('\n');
  expect(markdown).toHaveLength(2 + groups.length);
  expect(markdown[2]).toContain('; × 0.800 as measured |');
});
