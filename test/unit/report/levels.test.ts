import { expect, test } from 'vitest';
import { markdown } from '../../../cli/output/markdown.js';
import { renderTable } from '../../../cli/output/table.js';
import { METRICS } from '../../../core/metrics/catalogue.js';
import type { Measurement, ResultRecord } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import { csvText } from '../../../report/csv.js';
import { driftCharts, SITTING_SECONDS } from '../../../report/drift/charts.js';
import { pack, unpack } from '../../../report/payload.js';
import { calmName, quotedOf, spreadText, UNLIKE } from '../../../report/quoted.js';
import { measured } from '../../../report/recommend/candidate.js';
import { phasesOf } from '../../../report/roofline.js';
import { markOf, metricOf } from '../../../report/rows.js';
import { scaled } from '../../../report/scale.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial } from '../../support/records.js';

const DECODE = 'decodeTokensPerSecond';
const ROWS = 8;
/** The row that somebody took nearly all of, each time. */
const WORST = 3;
const read = (value: number): Measurement => ({
  value,
  unit: 'ratio',
  n: 9,
  mean: value,
  median: value,
  stddev: null,
  cv: null,
  samples: null,
  ci95: null,
  source: 'sampled',
});

/** Neighbours take 0.2 to 0.5 of the cores from every row, and beside one row's starts CPUs lay far apart, without any effect on it. */
function disturbed(): ResultRecord[] {
  return [0, 1, 2].flatMap((block) =>
    Array.from({ length: ROWS }, (_, position) => {
      const lack = 0.2 + 0.1 * ((position + block) % 4);
      const latency = position === WORST ? 40 : 1;
      const slower = Math.exp(0.8 * lack + 0.01 * (((position * 7 + block * 5) % 3) - 1));
      const trial = completeTrial({
        experiment: experimentOf({ parallel: 1 + position }),
        position,
        block,
        attempt: block + 1,
        slower,
      });
      const read2 = { coreShareRatio: read(1 - lack), coreLatencyRatio: read(latency) };
      return { ...trial, measurements: { ...trial.measurements, ...read2 } };
    }),
  );
}

const request = { sweepName: 's', objectives: [{ metric: DECODE, better: 'max' as const }] };
const records = disturbed();
const report = buildReport(records, request);
const column = report.metrics.find(({ name }) => name === DECODE)!;
const shown = report.rows.map((row) => {
  const quoted = quotedOf(row, DECODE)!;
  return { row, quoted, value: scaled(quoted.value, column.scale), spread: spreadText(quoted, column.scale) };
});

test('a disturbed run has the same numbers wherever it is shown', async () => {
  const table = renderTable(report, { width: 400, color: false, unicode: true });
  const { text: page } = await markdown(report);
  const csv = csvText(report).split('\r\n');
  const at = csv[0]!.split(',').indexOf(DECODE);
  const quoting = new Set(records.map(({ trialId }) => trialId));
  const opened = buildReport(unpack(pack(records, quoting, report)), request);
  const charts = driftCharts(records, {
    metrics: [DECODE],
    sittingSeconds: SITTING_SECONDS,
    labelOf: () => '',
  });
  for (const [i, { row, quoted, value, spread }] of shown.entries()) {
    const both = new RegExp(`${value} +${spread.replaceAll(/[[\]().+]/g, '\\$&')}`);
    expect(table).toMatch(both);
    expect(String(page).replaceAll('\\[', '[')).toMatch(both);
    expect(Number(csv[i + 1]!.split(',')[at])).toBe(quoted.value);
    expect(metricOf(opened.rows[i]!, DECODE)).toBeCloseTo(quoted.value, 6);
    const { value: recommended } = measured(row, null).figure({
      kind: 'metric',
      metric: METRICS.find(({ name }) => name === DECODE)!,
    });
    expect(recommended).toBe(quoted.range === null ? quoted.value : null);
    const chart = charts.find(({ experimentId }) => experimentId === row.experimentId)!;
    expect(chart.sittings.at(-1)).toMatchObject({ quoted: quoted.value, value: quoted.calm!.value });
    for (const phase of phasesOf(row).filter(({ name }) => name === 'decode'))
      expect(phase.roofRatio).toBeCloseTo(metricOf(row, 'decodeRoofRatio') ?? phase.roofRatio, 9);
  }
});

test('headlines lie within a quarter of what was measured, and the calm machine has a column and a line', () => {
  for (const { row, quoted } of shown) {
    const values = row.starts.map(({ measurements }) => (measurements[DECODE] as Measurement).value);
    expect(quoted.value).toBeGreaterThanOrEqual(Math.min(...values) / 1.25);
    expect(quoted.value).toBeLessThanOrEqual(Math.max(...values) * 1.25);
    expect(quoted.calm!.value).toBeGreaterThan(quoted.asMeasured! * 1.1);
  }
  const names = report.metrics.map(({ name }) => name);
  expect(names[names.indexOf(DECODE) + 1]).toBe(calmName(DECODE));
  expect(report.headlines.join('\n')).toMatch(/neighbours took about \d+ % of decode.*on a calm machine/);
});

test('a row whose moments were unlike the others is as measured, marked, without a star, and nobody recommends it', () => {
  const { row, quoted } = shown[WORST]!;
  expect(quoted.value).toBe(quoted.asMeasured);
  expect(quoted.range).not.toBeNull();
  expect(markOf(row)).toBe('?');
  expect(row.onFront).toBe(false);
  expect(row.offFront).toBe(`its ${DECODE} is as measured: ${UNLIKE}`);
  expect(shown.filter((_, i) => i !== WORST).every(({ quoted: { range } }) => range === null)).toBe(true);
  const { reason } = measured(row, null).figure({
    kind: 'metric',
    metric: METRICS.find(({ name }) => name === DECODE)!,
  });
  expect(reason).toContain(UNLIKE);
});
