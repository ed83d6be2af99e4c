import { type AxisColumn, cellText, type MetricColumn } from '../../report/columns.js';
import { quotedOf, spreadText } from '../../report/quoted.js';
import type { Report } from '../../report/report.js';
import { metricOf, type Row } from '../../report/rows.js';
import { scaled } from '../../report/scale.js';
import { columnsOf, cut } from './text.js';

/** One column, ready to print: two lines of heading and a cell per row. */
export interface TextColumn {
  readonly head: readonly [string, string];
  readonly cells: readonly string[];
  readonly align: 'left' | 'right';
}

export interface Layout {
  readonly columns: readonly TextColumn[];
  /** Labels of the columns that did not fit. */
  readonly dropped: readonly string[];
  /** The metrics whose intervals the reader sees. */
  readonly spread: readonly MetricColumn[];
}

/** Blank columns between two columns, and before the first. */
export const GAP = 2;

/** What to keep longest when the terminal is narrow; objectives come before all of these. */
const KEEP = [
  'decodeTokensPerSecond',
  'perplexity',
  'decodeRoofRatio',
  'predictedTimePerOutputTokenSeconds',
  'peakResidentBytes',
  'prefillTokensPerSecond',
  'energyPerOutputTokenJoules',
  'taskScoreRatio',
  'klDivergenceNats',
  'timeToFirstTokenSeconds',
  'interTokenLatencyP99Seconds',
  'interTokenLatencyP50Seconds',
  'modelBytes',
];

/** Columns that are no metrics and no axes. */
export interface Marks {
  readonly first: TextColumn;
  /** Goes before an objective does. */
  readonly bound: TextColumn | null;
  readonly last: TextColumn;
}

/**
 * Chooses the richest layout that fits: first every ± goes but the objectives', then the least important
 * metrics, then what binds a row, then the last ±, and at the very end long axis values are cut short.
 * @param text turns signs into what this terminal can show
 */
export function layOut(
  report: Report,
  width: number,
  text: (s: string) => string,
  { first: star, bound, last: notes }: Marks,
): Layout {
  const fixed = [star, ...report.axes.map((axis) => axisColumn(report, axis, text))];
  const withBound = bound === null ? [notes] : [bound, notes];
  const metrics = report.metrics.filter((m) => m.shown);
  // Who asked for columns has said in their order which matter most.
  const byImportance =
    report.columns === null ? [...metrics].sort((a, b) => importance(a) - importance(b)) : metrics;

  for (const spread of ['all', 'objectives'] as const) {
    const layout = attempt(metrics, spread, withBound);
    if (layout !== null) return layout;
  }
  const goals = report.columns === null ? metrics.filter((m) => m.objective).length : 0;
  for (const after of [withBound, [notes]]) {
    for (let count = metrics.length - 1; count >= Math.max(1, goals); count--) {
      const layout = attempt(byImportance.slice(0, count), 'objectives', after);
      if (layout !== null) return layout;
    }
  }
  for (let count = metrics.length; count >= 1; count--) {
    const layout = attempt(byImportance.slice(0, count), 'none', [notes]);
    if (layout !== null) return layout;
  }
  return narrow();

  function attempt(
    kept: readonly MetricColumn[],
    spread: 'all' | 'objectives' | 'none',
    after: readonly TextColumn[],
  ): Layout | null {
    const shown = metrics.filter((m) => kept.includes(m));
    const spreading = shown.filter((m) => spread === 'all' || (spread === 'objectives' && m.objective));
    const columns = [
      ...fixed,
      ...shown.map((m) => metricColumn(report.rows, m, spreading.includes(m), text)),
      ...after,
    ];
    if (widthOf(columns) > width) return null;
    return { columns, dropped: droppedBy(kept, after), spread: spreading };
  }

  function narrow(): Layout {
    const first = byImportance.slice(0, 1).map((m) => metricColumn(report.rows, m, false, text));
    const rest = widthOf([...first, notes]);
    const each = Math.max(4, Math.floor((width - rest - GAP) / Math.max(1, fixed.length)) - GAP);
    const short = fixed.map((c) => {
      return {
        ...c,
        head: [cut(c.head[0], each, '.'), cut(c.head[1], each, '.')] as const,
        cells: c.cells.map((s) => cut(s, each, text('…'))),
      };
    });
    const dropped = droppedBy(byImportance.slice(0, 1), [notes]);
    return { columns: [...short, ...first, notes], dropped, spread: [] };
  }

  function droppedBy(kept: readonly MetricColumn[], after: readonly TextColumn[]): string[] {
    const dropped = metrics.filter((m) => !kept.includes(m)).map((m) => m.label);
    return bound === null || after.includes(bound) ? dropped : [...dropped, bound.head[0]];
  }
}

/** @returns the columns a table of these needs on screen. */
export function widthOf(columns: readonly TextColumn[]): number {
  return columns.reduce((sum, c) => sum + GAP + Math.max(...[...c.head, ...c.cells].map(columnsOf)), 0);
}

function importance(metric: MetricColumn): number {
  if (metric.objective) return -1;
  const at = KEEP.indexOf(metric.name);
  return at === -1 ? KEEP.length : at;
}

/** `flashAttention` over two lines, cut where both are short; the second is free, because an axis has no unit. */
function twoLines(name: string): readonly [string, string] {
  const cuts = [...name.matchAll(/[a-z0-9](?=[A-Z])/g)].map(({ index }) => index + 1);
  const wider = (at: number) => Math.max(at, name.length - at);
  const [at = name.length] = cuts.sort((a, b) => wider(a) - wider(b));
  return [name.slice(0, at), name.slice(at)];
}

function axisColumn(report: Report, axis: AxisColumn, text: (s: string) => string): TextColumn {
  const { name, numeric } = axis;
  const parts = twoLines(name);
  return {
    head: parts,
    cells: report.rows.map((row) => cut(text(cellText(axis, row.axes[name])), 32, text('…'))),
    align: numeric ? 'right' : 'left',
  };
}

function metricColumn(
  rows: readonly Row[],
  metric: MetricColumn,
  spread: boolean,
  text: (s: string) => string,
): TextColumn {
  const spreads = rows.map((row) => {
    const quoted = spread ? quotedOf(row, metric.name) : null;
    const behind = quoted === null ? '' : spreadText(quoted, metric.scale);
    return behind === '' ? '' : ` ${text(behind)}`;
  });
  const room = Math.max(...spreads.map((s) => s.length), 0);
  const cells = rows.map((row, i) => {
    const value = metricOf(row, metric.name);
    if (value === null) return row.state === 'failed' ? '' : text('–');
    return `${scaled(value, metric.scale)}${(spreads[i] ?? '').padEnd(room)}`;
  });
  return { head: [metric.label, text(metric.scale.unit)], cells, align: 'right' };
}
