import { METRICS } from '../../core/metrics/catalogue.js';
import { CHANGE_HEAD, changeLines, movedText } from '../../report/change-text.js';
import { labelOf } from '../../report/columns.js';
import type { Change } from '../../report/compare.js';
import { csvLines } from '../../report/csv.js';
import { metricText } from '../../report/scale.js';
import { plainTable } from '../output/plain-table.js';

const HEAD = ['experiment', 'metric', 'A', 'B', 'change', '95 % interval', 'verdict'];

/** Headings of metrics as tables have them. */
const LABELS: ReadonlyMap<string, string> = new Map(METRICS.map((metric) => [metric.name, labelOf(metric)]));

/** @returns the changes as lines of cells for people. */
function cells(changes: readonly Change[]): string[][] {
  return changes.map((change) => [
    change.label,
    LABELS.get(change.metric) ?? change.metric,
    change.a === null ? '–' : metricText(change.metric, change.a),
    change.b === null ? '–' : metricText(change.metric, change.b),
    ...movedText(change),
    change.verdict === 'missing' ? (change.reason ?? '') : change.verdict,
  ]);
}

export function changesTable(changes: readonly Change[]): string {
  return plainTable(HEAD, cells(changes));
}

export function changesMarkdown(changes: readonly Change[]): string {
  const safe = (text: string) =>
    text
      .replaceAll('|', '\\|')
      .replaceAll('<', '&lt;')
      .replaceAll(/[\r\n]+/g, ' ');
  const line = (parts: readonly string[]) => `| ${parts.map(safe).join(' | ')} |`;
  const rule = '| --- | --- | ---: | ---: | ---: | ---: | --- |';
  return [line(HEAD), rule, ...cells(changes).map(line)].join('\n');
}

/** Values in base units at full precision; missing is an empty field. */
export function changesCsv(changes: readonly Change[]): string {
  return csvLines([CHANGE_HEAD, ...changeLines(changes)]);
}
