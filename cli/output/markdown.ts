import { printable } from '../../core/input/printable.js';
import { cellText } from '../../report/columns.js';
import { intervalLegend } from '../../report/interval-legend.js';
import { moduleCells, moduleHeads, modulesOf, moduleTitle } from '../../report/modules.js';
import { quotedOf, spreadText } from '../../report/quoted.js';
import type { Report } from '../../report/report.js';
import { boundText } from '../../report/roofline.js';
import { MARKS, markOf, type Row, signsOf } from '../../report/rows.js';
import { scaled } from '../../report/scale.js';
import { WAY_HEADS, wayCells, waysOf, wayTitle } from '../../report/ways.js';
import { constantsLine, countsLine, placeLine, remarks } from './caption.js';
import type { Exporter } from './exporter.js';

/** A table for issues and pull requests (GitHub-flavoured Markdown). */
export const markdown: Exporter = (report) => ({ text: markdownText(report), notes: [] });

function markdownText(report: Report): string {
  const metrics = report.metrics.filter((m) => m.shown);
  const bounds = report.rows.some((row) => boundText(row) !== null);
  const head = [
    '',
    ...report.axes.map((axis) => axis.name),
    ...metrics.map((m) => (m.scale.unit === '' ? m.label : `${m.label} (${m.scale.unit})`)),
    ...(bounds ? ['bound'] : []),
    'notes',
  ];
  const rule = [
    '---',
    ...report.axes.map((a) => (a.numeric ? '---:' : '---')),
    ...metrics.map(() => '---:'),
    ...(bounds ? ['---'] : []),
    '---',
  ];
  const body = report.rows.map((row) => [
    `${row.onFront ? '★' : ''}${markOf(row)}`,
    ...report.axes.map((axis) => cellText(axis, row.axes[axis.name])),
    ...metrics.map((m) => {
      const quoted = quotedOf(row, m.name);
      if (quoted === null) return row.state === 'failed' ? '' : '–';
      return `${scaled(quoted.value, m.scale)} ${spreadText(quoted, m.scale)}`.trim();
    }),
    ...(bounds ? [boundText(row) ?? '–'] : []),
    remark(row),
  ]);
  const lines = [
    `## ${inCell(report.sweepName)}`,
    '',
    inCell(countsLine(report)),
    '',
    ...[placeLine(report), constantsLine(report)]
      .filter((line) => line !== '')
      .flatMap((line) => [inCell(line), '']),
    ...[head.map(inCell), rule, ...body.map((cells) => cells.map(inCell))].map(
      (cells) => `| ${cells.join(' | ')} |`,
    ),
    '',
  ];
  if (report.rows.some((row) => row.onFront)) {
    const goals = report.objectives.map((o) => `${o.metric} (${o.better})`).join(', ');
    lines.push(`★ on the Pareto front of ${inCell(goals)}.`, '');
  }
  for (const sign of signsOf(report.rows, metrics)) lines.push(`${sign} ${MARKS[sign]}.`, '');
  const legend = intervalLegend(report.rows, metrics, report.levels);
  if (legend !== null) lines.push(`${inCell(legend)}.`, '');
  for (const line of report.headlines) lines.push(inCell(line), '');
  for (const line of remarks(report)) lines.push(inCell(line), '');
  lines.push(...wayLines(report.rows), ...moduleLines(report.rows));
  for (const note of report.notes)
    lines.push(`- **${note.code}** (${note.rows.length}): ${inCell(note.help)}`);
  for (const absence of report.absences.filter((a) => a.missed)) {
    lines.push(`- no ${inCell(absence.what)}: ${inCell(absence.reason)}`);
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

/** What each way of asking gave and took, where there are several. */
function wayLines(rows: readonly Row[]): string[] {
  return waysOf(rows).flatMap((table) => {
    const cells = table.lines.map((line) => [line.row.label, ...wayCells(line)]);
    return tableBelow(wayTitle(table), ['', ...WAY_HEADS], cells, ['---', '---']);
  });
}

/** What each module took, where rows were profiled. */
function moduleLines(rows: readonly Row[]): string[] {
  return modulesOf(rows).flatMap((table) => {
    const cells = table.lines.map((line) => [line.row.label, ...moduleCells(table, line)]);
    return tableBelow(moduleTitle(table), ['', ...moduleHeads(table)], cells, ['---']);
  });
}

/** @param left rules of the first columns, which are texts; the others are numbers. */
function tableBelow(
  title: string,
  head: readonly string[],
  cells: readonly (readonly string[])[],
  left: readonly string[],
): string[] {
  const rule = head.map((_, i) => left[i] ?? '---:');
  const lines = [head.map(inCell), rule, ...cells.map((line) => line.map(inCell))];
  return [inCell(title), '', ...lines.map((line) => `| ${line.join(' | ')} |`), ''];
}

function remark(row: Row): string {
  if (row.state === 'failed') return `failed: ${row.trial.failure?.message ?? 'no reason was recorded'}`;
  const codes = row.warnings.map((w) => w.code).join(', ');
  return row.state === 'invalid' ? `**invalid**: ${codes}` : codes;
}

/**
 * Names come from files and users: nothing in a cell may end the cell, become a tag, or move the cursor of
 * who looks at the file.
 */
function inCell(text: string): string {
  return printable(text.replaceAll(/\s*[\r\n]+\s*/g, ' '))
    .replaceAll('\\', '\\\\')
    .replaceAll('|', '\\|')
    .replaceAll('[', '\\[')
    .replaceAll('<', '&lt;');
}
