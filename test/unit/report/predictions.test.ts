import { expect, test } from 'vitest';
import { renderTable } from '../../../cli/output/table.js';
import { Exposition } from '../../../coordinator/exporter/exposition.js';
import { rankResults } from '../../../coordinator/exporter/ranking.js';
import { EMPTY } from '../../../coordinator/exporter/snapshot.js';
import { ResultWindow } from '../../../coordinator/exporter/window.js';
import { openMetricsText } from '../../../core/metrics/text.js';
import { buildReport } from '../../../report/build.js';
import { csvText } from '../../../report/csv.js';
import { pack, unpack } from '../../../report/payload.js';
import { PREDICTED_TIMES, predictionSource } from '../../../report/prediction-source.js';
import { gpuRow } from '../../support/gpu-rows.js';

const TABLES = 'tables of vLLM 0.24.0 on NVIDIA H100 SXM 80GB';
const records = [1, 4].map((users) => gpuRow({ users }));
const request = {
  sweepName: 'gpus',
  objectives: [{ metric: 'systemTokensPerSecond', better: 'max' as const }],
};
const columns = ['timeToFirstTokenSeconds', 'timePerOutputTokenSeconds', ...PREDICTED_TIMES];
const report = buildReport(records, { ...request, columns });
const TOLD = PREDICTED_TIMES.filter((name) => records[0]!.measurements[name]?.value != null);

test('two times of a row on a GPU are predicted, by tables, each with its band', () => {
  expect(TOLD).toEqual(['predictedPrefillSeconds', 'predictedTimePerOutputTokenSeconds']);
  for (const { measurements } of records) {
    for (const name of TOLD) {
      const entry = measurements[name]!;
      if (entry.value === null) throw new Error(`${name} is missing`);
      expect(entry.source).toMatch(`${TABLES}, host times fitted on`);
      expect(entry.ci95![0]).toBeLessThan(entry.value);
      expect(entry.ci95![1]).toBeGreaterThan(entry.value);
    }
  }
});

test('no other number of the row comes from tables, nor is any the predicted one', () => {
  for (const { measurements } of records) {
    const predicted = new Set(TOLD.map((name) => measurements[name]!.value));
    const others = Object.entries(measurements).filter(([name]) => !TOLD.includes(name));
    for (const [name, entry] of others) {
      if (entry.value === null) continue;
      expect(predicted.has(entry.value), name).toBe(false);
      // Shares of roofs and residuals say what they are compared with.
      if (!/Ratio$|Residual/.test(name)) expect(entry.source ?? '', name).not.toContain('tables');
    }
  }
});

test('the CSV has the band beside the number, and the source in a column of its own', () => {
  const [head = '', line = ''] = csvText(report).split('\r\n');
  const names = head.split(',');
  const at = names.indexOf('predictedBy');
  expect(line).toContain(TABLES);
  expect(at).toBeGreaterThan(0);
  for (const name of TOLD)
    expect(names.slice(names.indexOf(name), names.indexOf(name) + 3)).toEqual([
      name,
      `${name}Ci95Low`,
      `${name}Ci95High`,
    ]);
});

test('the table calls the column predicted, and its legend names the tables', () => {
  const text = renderTable(report, { width: 240, color: false, unicode: true });
  expect(text).toContain('predicted');
  expect(text.replaceAll(/\s+/g, ' ')).toContain(`nobody measured it: it follows from ${TABLES}`);
});

test('the data of the page keeps source, band and parts', () => {
  for (const { roofline, measurements } of unpack(pack(records, new Set(), request))) {
    expect(roofline!.predictedBy).toMatch(TABLES);
    expect(predictionSource({ measurements, roofline })).toBe(roofline!.predictedBy);
    for (const phase of roofline!.phases.filter(({ name }) => name !== 'serve')) {
      expect(phase.predictionError!.ratio).toBeGreaterThan(1);
      expect(phase.parts!.operatorSeconds).toBeGreaterThan(0);
    }
  }
});

test('Prometheus has the source and both ends of the band of each predicted time', async () => {
  const { objectives } = request;
  const window = new ResultWindow(100, 100, () => objectives);
  for (const record of records) window.add(record, 0);
  const results = rankResults(window.resultsAt(0), () => ({ objectives, bounds: [] }));
  const exposition = new Exposition('0', () => ({ ...EMPTY, results }));
  const lines = openMetricsText(await exposition.families()).split('\n');
  const of = (name: string, more: string) =>
    lines.filter((line) => line.startsWith(`${name}{`) && line.includes(more));
  expect(of('ridgepoint_result_prediction_info', `predicted_by="${TABLES}`)).toHaveLength(records.length);
  for (const metric of ['predicted_prefill_seconds', 'predicted_time_per_output_token_seconds'])
    expect(of('ridgepoint_result_interval', `metric="${metric}"`)).toHaveLength(2 * records.length);
});
