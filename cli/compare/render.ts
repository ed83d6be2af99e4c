import { METRICS } from '../../core/metrics/catalogue.js';
import { CHANGE_HEAD, changeLines, movedText } from '../../report/change-text.js';
import { labelOf } from '../../report/columns.js';
import type { Change } from '../../report/compare.js';
import { csvLines } from '../../report/csv.js';
import { metricText } from '../../report/scale.js';
import { plainTable } from '../output/plain-table.js';
import { columnsOf, cut } from '../output/text.js';

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

/** Columns that stand below an experiment's name: all others, and all but the values of both sides. */
const BELOW = [
  [1, 2, 3, 4, 5, 6],
  [1, 4, 5, 6],
] as const;

/**
 * The changes as a table of at most `width` columns: each in a line of its own where that fits, else below its experiment, and where
 * that does not fit either without the values of A and B. Nothing wraps.
 */
export function changesTable(changes: readonly Change[], width: number): string {
  const lines = cells(changes);
  const whole = plainTable(HEAD, lines);
  if (widest(whole) <= width) return whole;
  const of = (columns: readonly number[]) => (line: readonly string[]) => columns.map((i) => line[i] ?? '');
  const [wide, narrow] = BELOW.map((columns) => plainTable(of(columns)(HEAD), lines.map(of(columns))));
  const fits = widest(wide!) + INDENT.length <= width;
  const [head = '', ...rows] = (fits ? wide! : narrow!).split('\n');
  const below = rows.flatMap((row, i) => {
    const label = lines[i]?.[0] ?? '';
    return [...(label === lines[i - 1]?.[0] ? [] : [label]), INDENT + row];
  });
  const note = fits ? [] : ['no room here for A and B: widen the terminal, or --format md'];
  return [INDENT + head, ...below, ...note].map((line) => cut(line, width)).join('\n');
}

const INDENT = '  ';

function widest(text: string): number {
  return Math.max(...text.split('\n').map(columnsOf));
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
