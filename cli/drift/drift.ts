import type { ResultRecord } from '../../core/result/result.js';
import { buildReport } from '../../report/build.js';
import {
  changeSentences,
  DRIFT_METRICS,
  type DriftChart,
  driftCharts,
  lastOf,
  unchangedSentence,
} from '../../report/drift/charts.js';
import { AS_MEASURED_SIGN, UNLIKE } from '../../report/quoted.js';
import { metricText } from '../../report/scale.js';
import { EXIT, usageError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { readRecordsOf } from '../recommend/source.js';
import type { DriftOptions } from './command.js';

/** `ridge drift`. @returns 0; the code of gates where something changed. */
export async function printDrift(sources: readonly string[], options: DriftOptions): Promise<number> {
  const all = (await Promise.all(sources.map((source) => readRecordsOf(source, options)))).flat();
  const records = [...new Map(all.map((record) => [record.trialId, record])).values()];
  const metrics = options.metric.length > 0 ? options.metric : DRIFT_METRICS;
  const charts = driftCharts(records, { metrics, sittingSeconds: options.sitting, labelOf: labels(records) });
  if (charts.length === 0)
    throw usageError(
      'no result has a number of these metrics',
      `--metric chooses others than ${metrics.join(', ')}.`,
    );
  const sentences = changeSentences(charts);
  const outside = charts.filter((chart) => lastOf(chart) === 'out of limits');
  if (options.json === true || options.format === 'json')
    printJson({ schema: 'ridgepoint.dev/drift/v1', charts });
  else printText(charts, sentences);
  return sentences.length > 0 || outside.length > 0 ? EXIT.gate : EXIT.ok;
}

function labels(records: readonly ResultRecord[]): (record: ResultRecord) => string {
  const { rows } = buildReport(records, { sweepName: '', objectives: [] });
  const known = new Map(
    rows.map(({ experimentId, label, experiment }) => [experimentId, label || experiment.model.name]),
  );
  return ({ experimentId }) => known.get(experimentId) ?? 'drift control';
}

/** Eight levels from the lowest to the highest of a row. */
const BARS = '▁▂▃▄▅▆▇█';
const MOST_DRAWN = 40;

function printText(charts: readonly DriftChart[], sentences: readonly string[]): void {
  const head = [
    'node',
    'experiment',
    'metric',
    'sittings',
    'last',
    'last, calm',
    'level, calm',
    'limits',
    '',
    'over time',
  ];
  const text = (chart: DriftChart, value: number) =>
    chart.experimentId === null ? `× ${value.toFixed(3)}` : metricText(chart.metric, value);
  const quotedText = (chart: DriftChart) => {
    const { quoted, isAsMeasured } = chart.sittings.at(-1)!;
    return quoted === null ? null : `${text(chart, quoted)}${isAsMeasured ? ` ${AS_MEASURED_SIGN}` : ''}`;
  };
  printTable(
    head,
    charts.map((chart) => [
      `${chart.node} ${chart.device}`,
      chart.label,
      chart.metric,
      chart.sittings.length,
      quotedText(chart),
      text(chart, chart.sittings.at(-1)!.value),
      chart.chart === null ? null : text(chart, chart.chart.centre),
      chart.chart === null ? null : chart.chart.limits.map((end) => text(chart, end)).join(' to '),
      lastOf(chart),
      sparkline(chart.sittings.slice(-MOST_DRAWN).map(({ value }) => value)),
    ]),
  );
  for (const sentence of sentences) printData(sentence);
  if (charts.some(({ sittings }) => sittings.at(-1)!.isAsMeasured))
    say(`${AS_MEASURED_SIGN} as measured: ${UNLIKE}`);
  if (sentences.length === 0) say(unchangedSentence(charts));
}

function sparkline(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const barIndex = (value: number) =>
    high === low ? 3 : Math.round(((value - low) / (high - low)) * (BARS.length - 1));
  return values.map((value) => BARS[barIndex(value)]).join('');
}
