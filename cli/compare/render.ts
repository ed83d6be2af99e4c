import {
  asMeasuredText,
  briefVerdict,
  CHANGE_COLUMNS,
  movedText,
  verdictText,
} from '../../report/change-text.js';
import type { Change } from '../../report/compare.js';
import { metricLabel } from '../../report/compare-summary.js';
import { csvLines, linesOf } from '../../report/csv.js';
import { metricText } from '../../report/scale.js';
import { plainTable } from '../output/plain-table.js';
import { ascii, columnsOf, cut } from '../output/text.js';

/** How a table is drawn. */
export interface ChangesStyle {
  readonly width: number;
  readonly unicode: boolean;
  /** Whether a line that is still too long is cut; in a pipe it stays whole. */
  readonly cuts: boolean;
}

/**
 * Marks a ratio whose adjustment is to be known; what it was as measured stands at the end of its line with
 * --all.
 */
const MARK = '~';

/** Of a reason so much counts where it is decided which columns fit. */
const REASON_COLUMNS = 24;

/**
 * One line for each experiment, with one group of columns for each metric: ratio, interval and verdict;
 * without intervals where they do not fit, and then without the last metrics. Nothing wraps.
 * @param groups the experiments in their order, each with its changes by the same metrics.
 */
export function experimentsTable(groups: readonly (readonly Change[])[], style: ChangesStyle): string {
  // All together have no ratio of what fewer than two of them have.
  const metrics = [
    ...new Set(
      groups
        .toSorted((a, b) => b.length - a.length)
        .flat()
        .map(({ metric }) => metric),
    ),
  ];
  const labelled = groups.some(([change]) => (change?.label ?? '') !== '');
  const tableOf = (count: number, intervals: boolean) => {
    const head = [
      ...(labelled ? ['experiment'] : []),
      ...metrics
        .slice(0, count)
        .flatMap((metric) => [metricLabel(metric), ...(intervals ? ['95 % interval'] : []), '']),
    ];
    const lines = groups.map((group) => [
      ...(labelled ? [group[0]!.label] : []),
      ...metrics.slice(0, count).flatMap((metric) =>
        cellsOf(
          group.find((change) => change.metric === metric),
          intervals,
        ),
      ),
    ]);
    return drawn(head, lines, style);
  };
  const choices = [
    [metrics.length, true] as const,
    ...metrics.map((_, i) => [metrics.length - i, false] as const),
  ];
  const fitting = choices.find(([count, intervals]) => widest(tableOf(count, intervals)) <= style.width);
  const [count, intervals] = fitting ?? [1, false];
  const left = metrics.slice(count).map(metricLabel);
  const lines = [
    ...tableOf(count, intervals),
    ...adjustedLines(groups.flatMap((group) => group.slice(0, count))),
    ...(left.length === 0 ? [] : [`no room here for ${left.join(', ')}: widen the terminal, or --all`]),
  ];
  return shown(lines, style);
}

function cellsOf(change: Change | undefined, intervals: boolean): string[] {
  if (change === undefined) return intervals ? ['', '', ''] : ['', ''];
  const [moved, interval] = movedText(change);
  const marked = asMeasuredText(change) === null ? moved : `${moved}${MARK}`;
  return [marked, ...(intervals ? [interval] : []), briefVerdict(change)];
}

function adjustedLines(changes: readonly Change[]): string[] {
  const adjusted = changes.filter((change) => asMeasuredText(change) !== null);
  const size = ({ adjustedBy }: Change) => Math.abs(Math.log(adjustedBy ?? 1));
  const [most] = [...adjusted].sort((a, b) => size(b) - size(a));
  if (most === undefined) return [];
  const which = [most.label, metricLabel(most.metric)].filter(Boolean).join(' ');
  const each = adjusted.length > 1 ? '; --all shows each' : '';
  return [
    `${MARK} adjusted for neighbours, ${adjusted.length > 1 ? 'most of all ' : ''}${which}: ${asMeasuredText(most)}${each}`,
  ];
}

const HEAD = ['experiment', 'metric', 'A', 'B', 'change', '95 % interval', 'verdict'];

/** @returns the changes as lines of cells for people. */
function cells(changes: readonly Change[]): string[][] {
  return changes.map((change) => [
    change.label,
    metricLabel(change.metric),
    change.a === null ? '–' : metricText(change.metric, change.a),
    change.b === null ? '–' : metricText(change.metric, change.b),
    ...movedText(change),
    [verdictText(change), asMeasuredText(change)].filter((part) => part !== null).join('; '),
  ]);
}

/**
 * Columns of a line that begins with its experiment, of one that stands below it, and of that without the
 * values of both sides.
 */
const WHOLE = [0, 1, 2, 3, 4, 5, 6];
const BELOW = [1, 2, 3, 4, 5, 6];
const NARROW = [1, 4, 5, 6];

/**
 * The changes as a table of at most `width` columns. Each has a line of its own if that fits, else a line
 * below its experiment; if that does not fit either, the values of A and B are left out. Nothing wraps. A
 * long reason for a missing number does not count: it stands at the end of its line, and only it is cut.
 */
export function changesTable(changes: readonly Change[], style: ChangesStyle): string {
  const lines = cells(changes);
  const brief = lines.map((line) => line.with(-1, cut(line.at(-1) ?? '', REASON_COLUMNS, ellipsisOf(style))));
  const tableOf = (of: readonly string[][], columns: readonly number[]) => {
    const [head = [], ...rows] = [HEAD, ...of].map((line) => columns.map((i) => line[i] ?? ''));
    return drawn(head, rows, style);
  };
  if (widest(tableOf(brief, WHOLE)) <= style.width) return shown(tableOf(lines, WHOLE), style);
  const fits = widest(tableOf(brief, BELOW)) + INDENT.length <= style.width;
  const [head = '', ...rows] = tableOf(lines, fits ? BELOW : NARROW);
  const below = rows.flatMap((row, i) => {
    const label = lines[i]?.[0] ?? '';
    return [...(label === lines[i - 1]?.[0] ? [] : [label]), INDENT + row];
  });
  const note = fits ? [] : ['no room here for A and B: widen the terminal, or --format md'];
  return shown([INDENT + head, ...below, ...note], style);
}

const INDENT = '  ';

const ellipsisOf = ({ unicode }: Pick<ChangesStyle, 'unicode'>) => (unicode ? '…' : '...');

const widest = (lines: readonly string[]) => Math.max(...lines.map(columnsOf));

function drawn(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { unicode }: ChangesStyle,
): string[] {
  const safe = (cell: string) => (unicode ? cell : ascii(cell));
  return plainTable(
    head.map(safe),
    rows.map((row) => row.map(safe)),
  ).split('\n');
}

function shown(lines: readonly string[], { width, unicode, cuts }: ChangesStyle): string {
  const all = lines.map((line) => (unicode ? line : ascii(line)));
  return (cuts ? all.map((line) => cut(line, width, ellipsisOf({ unicode }))) : all).join('\n');
}

/** One line for each experiment, as `experimentsTable` with everything. */
export function experimentsMarkdown(groups: readonly (readonly Change[])[]): string {
  const metrics = groups[0]?.map(({ metric }) => metricLabel(metric)) ?? [];
  const head = ['experiment', ...metrics.flatMap((label) => [label, '95 % interval', 'verdict'])];
  const lines = groups.map((group) => [
    group[0]?.label ?? '',
    ...group.flatMap((change) => {
      const [moved, interval] = movedText(change);
      return [moved, interval, [briefVerdict(change), asMeasuredText(change)].filter(Boolean).join('; ')];
    }),
  ]);
  return markdown(head, lines, (i) => i > 0 && i % 3 !== 0);
}

export function changesMarkdown(changes: readonly Change[]): string {
  return markdown(HEAD, cells(changes), (i) => i > 1 && i < 6);
}

function markdown(
  head: readonly string[],
  lines: readonly (readonly string[])[],
  toTheRight: (column: number) => boolean,
): string {
  const safe = (text: string) =>
    text
      .replaceAll('|', '\\|')
      .replaceAll('<', '&lt;')
      .replaceAll(/[\r\n]+/g, ' ');
  const line = (parts: readonly string[]) => `| ${parts.map(safe).join(' | ')} |`;
  const rule = `| ${head.map((_, i) => (toTheRight(i) ? '---:' : '---')).join(' | ')} |`;
  return [line(head), rule, ...lines.map(line)].join('\n');
}

/** Values in base units at full precision; missing is an empty field. */
export function changesCsv(changes: readonly Change[]): string {
  const { head, lines } = linesOf(changes, CHANGE_COLUMNS);
  return csvLines([head, ...lines]);
}
