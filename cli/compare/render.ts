import { METRICS } from '../../core/metrics/catalogue.js';
import { CHANGE_HEAD, changeLines, movedText } from '../../report/change-text.js';
import { labelOf } from '../../report/columns.js';
import type { Change } from '../../report/compare.js';
import { csvLines } from '../../report/csv.js';
import { metricText } from '../../report/scale.js';
import { plainTable } from '../output/plain-table.js';
import { ascii, columnsOf, cut } from '../output/text.js';

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

/** Columns of a line that begins with its experiment, of one that stands below it, and of that without the values of both sides. */
const WHOLE = [0, 1, 2, 3, 4, 5, 6];
const BELOW = [1, 2, 3, 4, 5, 6];
const NARROW = [1, 4, 5, 6];

/** Of a reason so much counts where it is decided which columns fit. */
const REASON_COLUMNS = 24;

/** How the table is drawn. */
interface ChangesStyle {
  readonly width: number;
  readonly unicode: boolean;
  /** Whether a line that is still too long is cut; in a pipe it stays whole. */
  readonly cuts: boolean;
}

/**
 * The changes as a table of at most `width` columns: each in a line of its own where that fits, else below its experiment, and where
 * that does not fit either without the values of A and B. Nothing wraps. A long reason why a number is missing decides none of
 * that: it is the end of its line, and only it is cut.
 */
export function changesTable(changes: readonly Change[], { width, unicode, cuts }: ChangesStyle): string {
  const lines = cells(changes).map((line) => line.map((cell) => (unicode ? cell : ascii(cell))));
  const brief = lines.map((line) => line.with(-1, cut(line.at(-1) ?? '', REASON_COLUMNS)));
  const tableOf = (of: readonly string[][], columns: readonly number[]) => {
    const [head = [], ...rows] = [HEAD, ...of].map((line) => columns.map((i) => line[i] ?? ''));
    return plainTable(head, rows).split('\n');
  };
  const widthOf = (columns: readonly number[]) => Math.max(...tableOf(brief, columns).map(columnsOf));
  const shown = (all: readonly string[]) =>
    (cuts ? all.map((line) => cut(line, width, unicode ? '…' : '...')) : all).join('\n');
  if (widthOf(WHOLE) <= width) return shown(tableOf(lines, WHOLE));
  const fits = widthOf(BELOW) + INDENT.length <= width;
  const [head = '', ...rows] = tableOf(lines, fits ? BELOW : NARROW);
  const below = rows.flatMap((row, i) => {
    const label = lines[i]?.[0] ?? '';
    return [...(label === lines[i - 1]?.[0] ? [] : [label]), INDENT + row];
  });
  const note = fits ? [] : ['no room here for A and B: widen the terminal, or --format md'];
  return shown([INDENT + head, ...below, ...note]);
}

const INDENT = '  ';

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
