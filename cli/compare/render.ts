import { CHANGE_HEAD, changeLines, movedText } from '../../core/report/change-text.js';
import { metricColumns } from '../../core/report/columns.js';
import type { Change } from '../../core/report/compare.js';
import { csvLines } from '../../core/report/csv.js';
import type { Row } from '../../core/report/rows.js';
import { metricText } from '../../core/report/scale.js';
import { plainTable } from '../output/plain-table.js';

const HEAD = ['experiment', 'metric', 'A', 'B', 'change', '95 % interval', 'verdict'];

/** @returns the changes as lines of cells for people. */
function cells(changes: readonly Change[], labels: ReadonlyMap<string, string>): string[][] {
  return changes.map((change) => [
    change.label,
    labels.get(change.metric) ?? change.metric,
    change.a === null ? '–' : metricText(change.metric, change.a),
    change.b === null ? '–' : metricText(change.metric, change.b),
    ...movedText(change),
    change.verdict === 'missing' ? (change.reason ?? '') : change.verdict,
  ]);
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
  return csvLines([CHANGE_HEAD, ...changeLines(changes)]);
}
