import Table from 'cli-table3';
import pc from 'picocolors';
import { printable } from '../../core/input/printable.js';
import { intervalLegend } from '../../report/interval-legend.js';
import { moduleCells, moduleHeads, modulesOf, moduleTitle } from '../../report/modules.js';
import type { NoteGroup } from '../../report/notes.js';
import type { Report } from '../../report/report.js';
import { boundText } from '../../report/roofline.js';
import { MARKS, markOf, type Row, signsOf } from '../../report/rows.js';
import { WAY_HEADS, wayCells, waysOf, wayTitle } from '../../report/ways.js';
import { constantsLine, countsLine, placeLine, remarks } from './caption.js';
import { GAP, layOut, type TextColumn, widthOf } from './layout.js';
import { plainTable } from './plain-table.js';
import { ascii, cut, wrap } from './text.js';

export interface TableOptions {
  /** Columns of the terminal. */
  readonly width: number;
  readonly color: boolean;
  /** False: ASCII only. */
  readonly unicode: boolean;
}

/**
 * The report as a table for a terminal: Pareto marks, disturbed rows signed, invalid ones dimmed with their
 * codes, failed rows with their reason, footnotes for warnings. Columns that do not fit are left out and
 * named; nothing wraps.
 * @returns lines of at most `width` columns, ending with a line break
 */
export function renderTable(report: Report, options: TableOptions): string {
  const colors = pc.createColors(options.color);
  const text = (s: string) => (options.unicode ? printable(s) : ascii(printable(s)));
  const width = Math.max(40, options.width);
  const lines = caption(report, width, text, colors);
  if (report.rows.length === 0) return `${[...lines, '', 'No results yet.'].join('\n')}\n`;

  const marks = report.notes.filter((note) => !note.everywhere);
  const letters = new Map(marks.map((note, i) => [note.code, letter(i)]));
  const layout = layOut(report, width, text, {
    first: starColumn(report, text),
    bound: boundColumn(report, text),
    last: noteColumn(report, letters),
  });
  const body = draw(layout.columns, report.rows, text, colors);
  const rule = text('─').repeat(Math.min(width, widthOf(layout.columns)));
  lines.push('', ...body.head, colors.dim(rule));
  report.rows.forEach((row, i) => {
    lines.push(body.rows[i] ?? '');
    const below = reasonBelow(row);
    if (below === null) return;
    const shown = cut(text(`   └ ${below}`), width, text('…'));
    lines.push(colors.red(shown));
  });
  lines.push(colors.dim(rule), ...footer(report, letters, layout, width, text, colors));
  lines.push(...wayLines(report.rows, width, text, colors), ...moduleLines(report.rows, width, text, colors));
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

type Colors = ReturnType<typeof pc.createColors>;
type Text = (s: string) => string;

function caption(report: Report, width: number, text: Text, colors: Colors): string[] {
  const name = cut(text(report.sweepName), width, text('…'));
  const place = placeLine(report);
  const constants = constantsLine(report);
  return [
    colors.bold(name),
    ...wrap(text(countsLine(report)), width),
    ...(place === '' ? [] : wrap(text(place), width, '  ')),
    ...(constants === '' ? [] : wrap(text(constants), width, '  ').map(colors.dim)),
  ];
}

function starColumn(report: Report, text: Text): TextColumn {
  const mark = (row: Row): string => {
    const star = row.onFront ? text('★') : row.state === 'valid' ? ' ' : '!';
    return `${star}${markOf(row)}`;
  };
  return { head: ['', ''], cells: report.rows.map(mark), align: 'left' };
}

/** What binds each phase, where anything is known of that. */
function boundColumn(report: Report, text: Text): TextColumn | null {
  const cells = report.rows.map((row) => text(boundText(row) ?? ''));
  return cells.every((cell) => cell === '') ? null : { head: ['bound', ''], cells, align: 'left' };
}

function noteColumn(report: Report, letters: ReadonlyMap<string, string>): TextColumn {
  const cells = report.rows.map((row) => {
    return [...new Set(row.warnings.map((w) => letters.get(w.code) ?? ''))].sort().join('');
  });
  return { head: [cells.some((c) => c !== '') ? 'notes' : '', ''], cells, align: 'left' };
}

/** a, b, … z, aa, ab, … */
function letter(index: number): string {
  const last = String.fromCharCode(97 + (index % 26));
  return index < 26 ? last : `${letter(Math.floor(index / 26) - 1)}${last}`;
}

/** A failed row has no numbers to look at, so it says why; an invalid one points to its footnotes. */
function reasonBelow(row: Row): string | null {
  if (row.state !== 'failed') return null;
  const { failure } = row.trial;
  return failure === null ? 'failed without a reason' : `failed (${failure.code}): ${failure.message}`;
}

function draw(
  columns: readonly TextColumn[],
  rows: readonly Row[],
  text: Text,
  colors: Colors,
): { head: string[]; rows: string[] } {
  const edges = ['top', 'bottom'].flatMap((side) => ['', '-mid', '-left', '-right'].map((end) => side + end));
  const inner = ['left-mid', 'mid', 'mid-mid', 'right', 'right-mid'];
  const none = Object.fromEntries([...edges, ...inner].map((part) => [part, '']));
  const table = new Table({
    chars: { ...none, left: ' '.repeat(GAP - 1), middle: ' '.repeat(GAP) },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: columns.map((c) => c.align),
  });
  table.push(
    columns.map((c) => colors.bold(c.head[0])),
    columns.map((c) => colors.dim(c.head[1])),
  );
  rows.forEach((row, i) => {
    const paint = row.state === 'valid' ? (s: string) => s : colors.dim;
    table.push(
      columns.map(({ cells }) => {
        const cell = cells[i] ?? '';
        const star = cell.startsWith(text('★'));
        return star ? colors.yellow(cell) : cell === '' ? '' : paint(cell);
      }),
    );
  });
  const lines = table.toString().split('\n');
  return { head: lines.slice(0, 2), rows: lines.slice(2) };
}

function footer(
  report: Report,
  letters: ReadonlyMap<string, string>,
  layout: ReturnType<typeof layOut>,
  width: number,
  text: Text,
  colors: Colors,
): string[] {
  const items: string[] = [];
  if (report.rows.some((row) => row.onFront)) {
    const goals = report.objectives.map((o) => `${o.metric} ${o.better}`).join(', ');
    items.push(`★ on the Pareto front: ${goals}`);
  }
  items.push(...signsOf(report.rows, layout.metrics).map((sign) => `${sign} ${MARKS[sign]}`));
  if (report.rows.some((row) => row.state !== 'valid')) items.push('! not to be compared: invalid or failed');
  items.push(...remarks(report));
  const legend = intervalLegend(report.rows, layout.spread, report.levels);
  if (legend !== null) items.push(legend);
  if (layout.dropped.length > 0)
    items.push(`no room here for ${layout.dropped.join(', ')}: widen the terminal, or see the report`);
  for (const { what, reason } of report.absences.filter((a) => a.missed)) items.push(`no ${what}: ${reason}`);
  const headlines = report.headlines.flatMap((line) => wrap(text(line), width, '  ').map(colors.bold));
  const lines = [...headlines, ...items.flatMap((item) => wrap(text(item), width, '  '))];
  const notes = report.notes.flatMap((note) =>
    noteLines(note, letters.get(note.code) ?? '', width, text, colors),
  );
  return [...lines, ...notes];
}

/** Lines of one table below the rows; all of them are in the page. */
const MOST_BELOW = 40;

/** What each way of asking gave and took, where there are several. */
function wayLines(rows: readonly Row[], width: number, text: Text, colors: Colors): string[] {
  return waysOf(rows).flatMap((table) => {
    const cells = table.lines.map((line, i) => {
      const { label } = line.row;
      return [label === table.lines[i - 1]?.row.label ? '' : label, ...wayCells(line)];
    });
    const all = 'ridge answers --by way, or the page';
    return tableBelow({ title: wayTitle(table), head: WAY_HEADS, cells, all }, width, text, colors);
  });
}

/** What each module took, where rows were profiled. */
function moduleLines(rows: readonly Row[], width: number, text: Text, colors: Colors): string[] {
  return modulesOf(rows).flatMap((table) => {
    const cells = table.lines.map((line) => [line.row.label, ...moduleCells(table, line)]);
    const below = { title: moduleTitle(table), head: moduleHeads(table), cells, all: 'the page' };
    return tableBelow(below, width, text, colors);
  });
}

/**
 * @param below its first column, the label of a row, has no head; `all` is where the lines are that are left
 *   out.
 */
function tableBelow(
  { title, head, cells, all }: { title: string; head: readonly string[]; cells: string[][]; all: string },
  width: number,
  text: Text,
  colors: Colors,
): string[] {
  const [heads = '', ...body] = plainTable(['', ...head], cells.slice(0, MOST_BELOW)).split('\n');
  const left = cells.length - body.length;
  const cutToWidth = (line: string) => cut(text(line), width, text('…'));
  return [
    '',
    ...wrap(text(title), width, '  ').map(colors.bold),
    colors.dim(cutToWidth(heads)),
    ...body.map(cutToWidth),
    ...(left > 0 ? [cutToWidth(`and ${left} more: ${all}`)] : []),
  ];
}

function noteLines(note: NoteGroup, mark: string, width: number, text: Text, colors: Colors): string[] {
  const rows = `${note.rows.length} ${note.rows.length === 1 ? 'row' : 'rows'}`;
  const severity = note.severity === 'note' ? '' : `, ${note.severity}`;
  const [first = '', ...rest] = wrap(
    text(
      note.everywhere
        ? `every row, ${note.code}: ${note.help}`
        : `${mark} ${note.code} (${rows}${severity}): ${note.help}`,
    ),
    width,
    '  ',
  );
  const head = `${mark} ${note.code}`;
  const paint = { note: colors.dim, disturbed: colors.yellow, invalid: colors.red }[note.severity];
  // The code may be cut on a very narrow terminal; then the line stays plain.
  return [first.startsWith(head) ? `${paint(head)}${first.slice(head.length)}` : first, ...rest];
}
