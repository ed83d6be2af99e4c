import { metricNamed } from '../../core/metrics/catalogue.js';
import { metricColumns } from '../../core/report/columns.js';
import type { Change } from '../../core/report/compare.js';
import { csvLines } from '../../core/report/csv.js';
import type { Row } from '../../core/report/rows.js';
import { metricScale, metricText, scaled } from '../../core/report/scale.js';
import { plainTable } from '../output/plain-table.js';

const HEAD = ['experiment', 'metric', 'A', 'B', 'change', '95 % interval', 'verdict'];

/** @returns the changes as lines of cells for people. */
function cells(changes: readonly Change[], labels: ReadonlyMap<string, string>): string[][] {
  return changes.map((change) => [
    change.label,
    labels.get(change.metric) ?? change.metric,
    change.a === null ? '–' : metricText(change.metric, change.a),
    change.b === null ? '–' : metricText(change.metric, change.b),
    ...moved(change),
    change.verdict === 'missing' ? (change.reason ?? '') : change.verdict,
  ]);
}

/** @returns change and interval as text: `× 1.143` and `1.102 to 1.186`, or `+0.21` and `+0.02 to +0.40`. */
function moved({ kind, metric, change, interval }: Change): [string, string] {
  if (change === null) return ['–', ''];
  if (kind === 'ratio') {
    return [
      `× ${change.toFixed(3)}`,
      interval === null ? '' : interval.map((v) => v.toFixed(3)).join(' to '),
    ];
  }
  const half = interval === null ? [] : [(interval[1] - interval[0]) / 2];
  const scale = metricScale(metric, [change], half);
  const signed = (value: number) => `${value > 0 ? '+' : ''}${scaled(value, scale)}`;
  // A share that falls from 80 % to 60 % falls by 20 points, not by 20 %.
  const unit = scale.unit === '' ? '' : ` ${scale.unit === '%' ? 'points' : scale.unit}`;
  return [`${signed(change)}${unit}`, interval === null ? '' : `${interval.map(signed).join(' to ')}${unit}`];
}

/** @returns headings of metrics as tables have them. */
export function labelsOf(rows: readonly Row[]): ReadonlyMap<string, string> {
  return new Map(metricColumns(rows, [], null).map(({ name, label }) => [name, label]));
}

export function changesTable(changes: readonly Change[], labels: ReadonlyMap<string, string>): string {
  return plainTable(HEAD, cells(changes, labels));
}

export function changesMarkdown(changes: readonly Change[], labels: ReadonlyMap<string, string>): string {
  const safe = (text: string) =>
    text
      .replaceAll('|', '\\|')
      .replaceAll('<', '&lt;')
      .replaceAll(/[\r\n]+/g, ' ');
  const line = (parts: readonly string[]) => `| ${parts.map(safe).join(' | ')} |`;
  const rule = '| --- | --- | ---: | ---: | ---: | ---: | --- |';
  return [line(HEAD), rule, ...cells(changes, labels).map(line)].join('\n');
}

/** Values in base units at full precision; missing is an empty field. */
export function changesCsv(changes: readonly Change[]): string {
  const head = [
    'experiment',
    'metric',
    'unit',
    'a',
    'b',
    'kind',
    'change',
    'low',
    'high',
    'verdict',
    'reason',
  ];
  const lines = changes.map(({ label, metric, a, b, kind, change, interval, verdict, reason }) => [
    label,
    metric,
    metricNamed(metric)?.unit ?? '',
    a,
    b,
    kind,
    change,
    interval?.[0] ?? null,
    interval?.[1] ?? null,
    verdict,
    reason,
  ]);
  return csvLines([head, ...lines]);
}
