import { getOrMake } from '../../core/maps.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { type AxisColumn, cellText, type MetricColumn, tellingAxes } from '../../report/columns.js';
import { calmOf, quotedOf, type SpreadRoom, spreadText } from '../../report/quoted.js';
import type { Report } from '../../report/report.js';
import type { Row } from '../../report/rows.js';
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
  /** The metrics that the reader sees, and those of them whose intervals, too. */
  readonly metrics: readonly MetricColumn[];
  readonly spread: readonly MetricColumn[];
}

/** Blank columns between two columns, and before the first. */
export const GAP = 2;

/** What is kept longest of the other metrics when the terminal is narrow. */
const KEEP = [
  'perplexity',
  'decodeRoofRatio',
  'predictedTimePerOutputTokenSeconds',
  'peakResidentBytes',
  'energyPerOutputTokenJoules',
  'taskScoreRatio',
  'klDivergenceNats',
  'interTokenLatencyP99Seconds',
  'interTokenLatencyP50Seconds',
  'modelBytes',
];

/** How axes stand: whole, or short, with those left out that repeat another one. */
type AxisWidth = 'whole' | 'short';

/** Columns of the terminal for a value of an axis, and for a word above values that are shorter. */
const AXIS_ROOM = {
  whole: { value: 32, head: 32 },
  short: { value: 12, head: 6 },
} as const satisfies Record<AxisWidth, unknown>;

/** Columns that are no metrics and no axes. */
export interface Marks {
  readonly first: TextColumn;
  /** Goes before an objective does. */
  readonly bound: TextColumn | null;
  readonly last: TextColumn;
}

/**
 * Chooses the richest layout that fits. What rows are read for (objectives, and key metrics of their
 * workloads) stays with its intervals: intervals become shares of their values first, then the other metrics
 * go, least important first, then axes are shortened, and then goes what binds a row. Only then do the key
 * metrics go, and at the very end the last interval.
 * @param text turns signs into what this terminal can show
 */
export function layOut(
  report: Report,
  width: number,
  text: (s: string) => string,
  { first: star, bound, last: notes }: Marks,
): Layout {
  const known = new Map<AxisWidth, ReturnType<typeof axisColumns>>();
  const axes = (axisWidth: AxisWidth) =>
    getOrMake(known, axisWidth, () => axisColumns(report, axisWidth, text));
  const withBound = bound === null ? [notes] : [bound, notes];
  const metrics = report.metrics.filter((m) => m.shown);
  const importance = importanceOf(report);
  // Who asked for columns has said in their order which matter most.
  const byImportance =
    report.columns === null ? [...metrics].sort((a, b) => importance(a) - importance(b)) : metrics;
  const keys =
    report.columns === null ? metrics.filter((m) => importance(m) < OTHERS).length : metrics.length;

  return (
    firstThatFits(metrics.length, keys, 'whole', withBound) ??
    firstThatFits(keys, keys, 'short', withBound) ??
    firstThatFits(keys, 1, 'short', [notes]) ??
    attempt(1, 'none', 'short', [notes]) ??
    narrow()
  );

  function firstThatFits(
    most: number,
    least: number,
    axisWidth: AxisWidth,
    after: readonly TextColumn[],
  ): Layout | null {
    for (let count = most; count >= Math.max(1, least); count--) {
      const layout = attempt(count, 'unit', axisWidth, after) ?? attempt(count, 'share', axisWidth, after);
      if (layout !== null) return layout;
    }
    return null;
  }

  function attempt(
    count: number,
    spread: SpreadRoom,
    axisWidth: AxisWidth,
    after: readonly TextColumn[],
  ): Layout | null {
    const kept = new Set(byImportance.slice(0, count));
    const shown = metrics.filter((m) => kept.has(m));
    const { columns: ofAxes, repeated } = axes(axisWidth);
    const columns = [
      star,
      ...ofAxes,
      ...shown.map((m) => metricColumn(report.rows, m, spread, text)),
      ...after,
    ];
    if (widthOf(columns) > width) return null;
    const dropped = [...repeated, ...droppedBy(kept, after), ...(spread === 'none' ? ['its interval'] : [])];
    return { columns, dropped, metrics: shown, spread: spread === 'none' ? [] : shown };
  }

  function narrow(): Layout {
    const shown = byImportance.slice(0, 1);
    const first = shown.map((m) => metricColumn(report.rows, m, 'none', text));
    const fixed = [star, ...axes('short').columns];
    const rest = widthOf([...first, notes]);
    const each = Math.max(4, Math.floor((width - rest - GAP) / Math.max(1, fixed.length)) - GAP);
    const short = fixed.map((column) => narrowed(column, each, text));
    const dropped = [...axes('short').repeated, ...droppedBy(new Set(shown), [notes])];
    return {
      columns: [...short, ...first, notes],
      dropped: [...dropped, 'its interval'],
      metrics: shown,
      spread: [],
    };
  }

  function droppedBy(kept: ReadonlySet<MetricColumn>, after: readonly TextColumn[]): string[] {
    const dropped = metrics.filter((m) => !kept.has(m)).map((m) => m.label);
    return bound === null || after.includes(bound) ? dropped : [...dropped, bound.head[0]];
  }
}

/** @returns a column of which heads and cells have at most that many columns of the terminal. */
const narrowed = (column: TextColumn, room: number, text: (s: string) => string): TextColumn => ({
  ...column,
  head: [cut(column.head[0], room, '.'), cut(column.head[1], room, '.')],
  cells: column.cells.map((cell) => cut(cell, room, text('…'))),
});

/** @returns the columns a table of these needs on screen. */
export function widthOf(columns: readonly TextColumn[]): number {
  return columns.reduce((sum, c) => sum + GAP + Math.max(...[...c.head, ...c.cells].map(columnsOf)), 0);
}

/** Importance of what is neither an objective nor a key metric; more is less important. */
const OTHERS = 100;

/**
 * @returns a metric's place among those that a narrow table keeps: objectives, then what the workloads of the
 *   rows are about, then the others.
 */
function importanceOf({ rows }: Report): (metric: MetricColumn) => number {
  const kinds = new Set(rows.map(({ experiment }) => experiment.workload.kind));
  const keys = [...kinds].flatMap((kind) => workloadNamed(kind)?.keyMetrics ?? []) as readonly string[];
  return ({ name, objective }) => {
    if (objective) return -1;
    if (calmOf(name) !== null) return OTHERS;
    if (keys.includes(name)) return keys.indexOf(name);
    return OTHERS + (KEEP.includes(name) ? KEEP.indexOf(name) : KEEP.length);
  };
}

/**
 * `flashAttention` over two lines, cut where both are short; the second is free, because an axis has no unit.
 */
function twoLines(name: string): readonly [string, string] {
  const cuts = [...name.matchAll(/[a-z0-9](?=[A-Z])/g)].map(({ index }) => index + 1);
  const wider = (at: number) => Math.max(at, name.length - at);
  const [at = name.length] = cuts.sort((a, b) => wider(a) - wider(b));
  return [name.slice(0, at), name.slice(at)];
}

/**
 * @returns the columns of axes, and the names of those that are left out, for they say in every row what
 *   another one says.
 */
function axisColumns(
  { axes, rows }: Report,
  width: AxisWidth,
  text: (s: string) => string,
): { columns: TextColumn[]; repeated: string[] } {
  const shown = width === 'short' ? tellingAxes(axes, rows) : axes;
  return {
    columns: shown.map((axis) => axisColumn(rows, axis, width, text)),
    repeated: axes.filter((axis) => !shown.includes(axis)).map(({ name }) => name),
  };
}

function axisColumn(
  rows: readonly Row[],
  axis: AxisColumn,
  width: AxisWidth,
  text: (s: string) => string,
): TextColumn {
  const { name, numeric } = axis;
  const whole = rows.map((row) => text(cellText(axis, row.axes[name])));
  const cutAt = (room: number) => whole.map((cell) => cut(cell, room, text('…')));
  const short = cutAt(AXIS_ROOM[width].value);
  // What differs only behind the cut stays as long as it may be.
  const cells = new Set(short).size === new Set(whole).size ? short : cutAt(AXIS_ROOM.whole.value);
  const room = Math.max(AXIS_ROOM[width].head, ...cells.map(columnsOf));
  const [first, second] = twoLines(name);
  return {
    head: [cut(first, room, '.'), cut(second, room, '.')],
    cells,
    align: numeric ? 'right' : 'left',
  };
}

function metricColumn(
  rows: readonly Row[],
  metric: MetricColumn,
  spread: SpreadRoom,
  text: (s: string) => string,
): TextColumn {
  const found = rows.map((row) => quotedOf(row, metric.name));
  const spreads = found.map((quoted) => {
    const behind = quoted === null ? '' : spreadText(quoted, metric.scale, spread);
    return behind === '' ? '' : ` ${text(behind)}`;
  });
  const room = Math.max(...spreads.map((s) => s.length), 0);
  const cells = found.map((quoted, i) => {
    if (quoted === null) return rows[i]!.state === 'failed' ? '' : text('–');
    return `${scaled(quoted.value, metric.scale)}${(spreads[i] ?? '').padEnd(room)}`;
  });
  return { head: [metric.label, text(metric.scale.unit)], cells, align: 'right' };
}
