import { expect, test } from 'vitest';
import { changesCsv } from '../../../cli/compare/render.js';
import { markdown } from '../../../cli/output/markdown.js';
import { renderTable } from '../../../cli/output/table.js';
import { answer } from '../../../cli/recommend/recommend.js';
import { Exposition } from '../../../coordinator/exporter/exposition.js';
import { rankResults } from '../../../coordinator/exporter/ranking.js';
import { EMPTY } from '../../../coordinator/exporter/snapshot.js';
import { ResultWindow } from '../../../coordinator/exporter/window.js';
import { METRICS, metricNamed } from '../../../core/metrics/catalogue.js';
import { openMetricsText } from '../../../core/metrics/text.js';
import type { Measurement, ResultRecord } from '../../../core/result/result.js';
import { frontOf, pointsOf } from '../../../dashboards/web/src/charts/front.js';
import { buildReport } from '../../../report/build.js';
import { comparisonOf, matchRows } from '../../../report/compare.js';
import { csvText } from '../../../report/csv.js';
import { driftCharts, SITTING_SECONDS } from '../../../report/drift/charts.js';
import { levelLines } from '../../../report/levels.js';
import { pack, unpack } from '../../../report/payload.js';
import { pivotOf } from '../../../report/pivot.js';
import { calmName, quotedOf, quotedText, spreadText, UNLIKE_ADVICE } from '../../../report/quoted.js';
import { measured } from '../../../report/recommend/candidate.js';
import { type Bound, readBound } from '../../../report/recommend/question.js';
import { recommend } from '../../../report/recommend/recommend.js';
import { recommendationData, recommendationText } from '../../../report/recommend/text.js';
import { phasesOf } from '../../../report/roofline.js';
import { markOf } from '../../../report/rows.js';
import { scaled } from '../../../report/scale.js';
import { disturbedRun, ROWS, WORST } from '../../support/disturbed-run.js';

const DECODE = 'decodeTokensPerSecond';
const request = { sweepName: 's', objectives: [{ metric: DECODE, better: 'max' as const }] };
const records = disturbedRun();
const report = buildReport(records, request);
/** Of the fastest row the moments were unlike the others'. */
const fastestApart = disturbedRun((position) => position === ROWS - 1);
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
    const both = new RegExp(`${value} +${spread.replaceAll(/[[\]().+?]/g, '\\$&')}`);
    expect(table).toMatch(both);
    expect(String(page).replaceAll('\\[', '[')).toMatch(both);
    expect(Number(csv[i + 1]!.split(',')[at])).toBe(quoted.value);
    expect(quotedOf(opened.rows[i]!, DECODE)?.value ?? null).toBeCloseTo(quoted.value, 6);
    const { value: recommended } = measured(row, null).figure({
      kind: 'metric',
      metric: METRICS.find(({ name }) => name === DECODE)!,
    });
    expect(recommended).toBe(quoted.range === null ? quoted.value : null);
    const chart = charts.find(({ experimentId }) => experimentId === row.experimentId)!;
    expect(chart.sittings.at(-1)).toMatchObject({
      quoted: quoted.value,
      isAsMeasured: quoted.range !== null,
      value: quoted.calm!.value,
    });
    const decode = phasesOf(row).find(({ name }) => name === 'decode')!;
    expect(decode.roofRatio).toBeCloseTo(quotedOf(row, 'decodeRoofRatio')!.value, 9);
  }
});

test('compare and Prometheus say the same of it', async () => {
  const { changes } = comparisonOf(matchRows(report, report, new Set()).pairs, [DECODE]);
  const [head = '', ...lines] = changesCsv(changes).trimEnd().split('\r\n');
  const cell = (i: number, name: string) => Number(lines[i]!.split(',')[head.split(',').indexOf(name)]);
  const exported = await exportedOf(records);
  for (const [i, { row, quoted }] of shown.entries()) {
    expect([cell(i, 'a'), cell(i, 'b')]).toEqual([quoted.value, quoted.value]);
    const of = (name: string, more = '') =>
      exported
        .filter(
          (line) =>
            line.startsWith(`${name}{`) && line.includes(`"${row.experimentId}"`) && line.includes(more),
        )
        .map((line) => Number(line.split('} ')[1]));
    const ofDecode = 'metric="decode_tokens_per_second"';
    expect(of('ridgepoint_decode_tokens_per_second')).toEqual([quoted.value]);
    expect(of('ridgepoint_result_interval', ofDecode)).toEqual(quoted.interval ?? []);
    expect(of('ridgepoint_result_calm', ofDecode)).toEqual([quoted.calm!.value]);
    expect(of('ridgepoint_phase_roof_ratio', 'phase="decode"')[0]).toBeCloseTo(
      quotedOf(row, 'decodeRoofRatio')!.value,
      9,
    );
  }
});

/** @returns the lines of a coordinator's /metrics. */
async function exportedOf(of: readonly ResultRecord[]): Promise<string[]> {
  const { objectives } = request;
  const window = new ResultWindow(100, 100, () => objectives);
  for (const record of of) window.add(record, 0);
  const results = rankResults(window.resultsAt(0), () => ({ objectives, bounds: [] }));
  const exposition = new Exposition('0', () => ({ ...EMPTY, results }));
  return openMetricsText(await exposition.families()).split('\n');
}

test('the sign stands at the number that is as measured, is explained once, and takes no star from what is judged by another', async () => {
  const bySize = buildReport(records, {
    sweepName: 's',
    objectives: [{ metric: 'peakResidentBytes', better: 'max' }],
    columns: [DECODE, 'peakResidentBytes'],
  });
  const width = { color: false, unicode: true };
  for (const text of [
    renderTable(bySize, { width: 120, ...width }),
    renderTable(bySize, { width: 40, ...width }),
    String((await markdown(bySize)).text),
  ]) {
    const signed = text.split('\n').filter((line) => /\d \?/.test(line));
    expect(signed).toHaveLength(1);
    expect(signed[0]).toMatch(new RegExp(`${shown[WORST]!.value} \\?`));
    expect(text.match(/^\? as measured/gm)).toHaveLength(1);
  }
  const alone = buildReport(disturbedRun(), { ...request, columns: ['peakResidentBytes'] });
  expect(renderTable(alone, { width: 120, ...width })).not.toContain('? as measured');
  const bestBySize = buildReport(fastestApart, { sweepName: 's', objectives: bySize.objectives }).rows.at(
    -1,
  )!;
  expect(quotedOf(bestBySize, DECODE)!.range).not.toBeNull();
  expect(bestBySize.onFront).toBe(true);
});

test('the fastest row as measured is the best of none: not in Prometheus, in a pivot table or on a line of the page', async () => {
  const found = buildReport(fastestApart, request);
  const fastest = found.rows.at(-1)!;
  const decode = found.metrics.find(({ name }) => name === DECODE)!;
  const memory = found.metrics.find(({ name }) => name === 'peakResidentBytes')!;
  expect(quotedOf(fastest, DECODE)!.range).not.toBeNull();
  expect(Math.max(...found.rows.map((row) => quotedOf(row, DECODE)!.value))).toBe(
    quotedOf(fastest, DECODE)!.value,
  );
  const best = (await exportedOf(fastestApart)).filter((line) =>
    line.startsWith('ridgepoint_sweep_best_info{'),
  );
  expect(best).toHaveLength(1);
  expect(best[0]).not.toContain(fastest.experimentId);
  const [model] = found.constants.filter(({ name }) => name === 'model');
  const all = { name: 'model', values: [model!.value], texts: [''], numeric: false };
  expect(pivotOf(found.rows, all, null, decode, 'best').cells[0]![0]!.row).not.toBe(fastest);
  const points = frontOf(pointsOf(found.rows, memory.name, DECODE), memory, decode);
  expect(points.map(({ row }) => row)).not.toContain(fastest);
});

test('one start has no range', () => {
  const { quoted } = shown[WORST]!;
  expect(spreadText({ ...quoted, range: [quoted.value, quoted.value] }, column.scale)).toBe('?');
});

test('where all is as measured nothing is recommended, and a sentence says what is best and what to do', () => {
  const all = buildReport(
    disturbedRun(() => true),
    request,
  );
  expect(all.rows.map(({ onFront }) => onFront)).not.toContain(true);
  const best = all.rows.reduce((so, row) =>
    quotedOf(row, DECODE)!.value > quotedOf(so, DECODE)!.value ? row : so,
  );
  const sentence = `best as measured: row ${best.number} ${best.label}: decode ${quotedText(DECODE, quotedOf(best, DECODE)!)}. This is no recommendation, for ${UNLIKE_ADVICE}`;
  expect(all.headlines).toContain(sentence);
  expect(report.headlines.join()).not.toContain('best as measured');
  const ask = (bounds: Bound[]) =>
    recommend(
      all.rows.map((row) => measured(row, null)),
      {
        bounds,
        aim: { quantity: { kind: 'metric', metric: metricNamed(DECODE)! }, better: 'max' },
        reference: 'unquantized',
        confidence: 0.95,
      },
    );
  const found = ask([]);
  expect(found.recommended).toBeNull();
  const text = recommendationText(found, null);
  expect(text.split('\n').slice(0, 2)).toEqual([
    `nothing is recommended: none of ${all.rows.length} rows has a number that is compared`,
    sentence,
  ]);
  expect(text).not.toContain('nearest');
  expect(recommendationData(found)).toMatchObject({
    bestAsMeasured: { row: best.number, value: quotedOf(best, DECODE)!.value },
  });
  expect(text).not.toContain('keep all bounds');
  const asked = answer(
    all.rows.map((row) => measured(row, null)),
    { slo: [], budget: [], floor: [], relativeTo: 'unquantized', confidence: 0.95 },
  );
  expect(recommendationText(asked, null)).toBe(text);
  // A bound that the as measured number of the best misses, and others keep.
  const limit = readBound(`${DECODE}<${quotedOf(best, DECODE)!.value - 1e-6}`, 'budget');
  if (!limit.ok) throw new Error(limit.message);
  expect(ask([limit.value]).bestAsMeasured!.candidate.number).not.toBe(best.number);
});

test('where neighbours had the machine, how much faster it is when calm is not told by a number that nobody knows', () => {
  const level = { metric: 'decodeTokensPerSecond', anotherRun: 1.2 };
  expect(levelLines([{ ...level, calm: 82.64, interval: [36.22, 188.56] }])).toEqual([
    'neighbours took about 99 % of decode: × 10 and more on a calm machine',
  ]);
  expect(levelLines([{ ...level, calm: 1.25, interval: [1.1, 1.4] }])).toEqual([
    'neighbours took about 20 % of decode: × 1.25 [1.10, 1.40] on a calm machine',
  ]);
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
  expect(markOf(row)).toBe('~');
  expect(row.onFront).toBe(false);
  expect(row.offFront).toBe(`its ${DECODE} is as measured: ${UNLIKE_ADVICE}`);
  expect(shown.filter((_, i) => i !== WORST).every(({ quoted: { range } }) => range === null)).toBe(true);
  const { reason } = measured(row, null).figure({
    kind: 'metric',
    metric: METRICS.find(({ name }) => name === DECODE)!,
  });
  expect(reason).toContain(UNLIKE_ADVICE);
});
