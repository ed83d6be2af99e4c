import type { MetricColumn } from '../../../../report/columns.js';
import { quotedOf, quotedText } from '../../../../report/quoted.js';
import type { Report } from '../../../../report/report.js';
import { MARKS, markOf, type Row, signsOf } from '../../../../report/rows.js';
import { metricTick } from '../../../../report/scale.js';
import { frontFor, type Point, pointsOf } from './front.js';
import { type Group, groupsOf, largeSeries, type PlottedSeries } from './groups.js';
import {
  colour,
  frameOf,
  itemTooltip,
  legendOf,
  namedOn,
  numberAxis,
  SERIES,
  series,
  type TipLine,
} from './palette.js';
import type { Plot } from './plot.js';
import { pixelsOf, SIZES } from './size.js';

export interface ParetoView {
  readonly x: MetricColumn;
  readonly y: MetricColumn;
  readonly xLog: boolean;
  readonly yLog: boolean;
  /** Axis whose values are colours; null = one colour. */
  readonly by: string | null;
  /** Metric that the area of a point stands for; null = all alike. */
  readonly size: MetricColumn | null;
}

/**
 * More points than this are drawn in one stroke each series: they are alike, and still answer the pointer.
 */
const LARGE = 2000;

/** The plot as data for the chart library. */
export function paretoPlot(report: Report, rows: readonly Row[], view: ParetoView): Plot {
  const points = pointsOf(rows, view.x.name, view.y.name).filter(
    (p) => (!view.xLog || p.x > 0) && (!view.yLog || p.y > 0),
  );
  const front = frontFor(report, points, view.x, view.y);
  const axis = report.axes.find((a) => a.name === view.by) ?? null;
  const crowded = points.length > 400;
  const size = points.length > LARGE ? null : view.size;
  const largest =
    size === null ? 0 : Math.max(...points.map(({ row }) => quotedOf(row, size.name)?.value ?? 0));
  const pixels = ({ row }: Point) => {
    if (size === null) return crowded ? SIZES.crowded : SIZES.alike;
    return pixelsOf(quotedOf(row, size.name)?.value ?? 0, largest) * (crowded ? 0.5 : 1);
  };
  const groups = groupsOf(points, axis);
  const scatter = groups.flatMap((group, i) =>
    points.length > LARGE
      ? largeSeries(group, i, ({ x, y }) => [x, y], { symbolSize: SIZES.crowded })
      : [smallSeries(group, i, pixels, size !== null)],
  );
  const names = groups.map(({ name }) => name);
  const option = {
    ...frameOf({ left: 16, right: 28, top: names.length > 1 ? 62 : 34, bottom: 34 }),
    legend: legendOf({
      show: names.length > 1,
      type: 'plain',
      itemWidth: 9,
      itemHeight: 9,
      icon: 'circle',
      data: names.length > 1 ? names.slice(0, SERIES * 2) : [],
    }),
    tooltip: itemTooltip((item: { seriesIndex: number; dataIndex: number }) => {
      const row = scatter[item.seriesIndex - 1]?.points[item.dataIndex]?.row;
      return row === undefined ? '' : tip(report, row, view);
    }),
    xAxis: plotAxis(view.x, view.xLog, 'bottom'),
    yAxis: plotAxis(view.y, view.yLog, 'left'),
    series: [
      {
        // A front of more than two objectives is no line in a plane: its points are ringed and not joined.
        type: front.joined ? 'line' : 'scatter',
        name: 'front',
        data: front.points.map((p) => ({ value: [p.x, p.y], symbolSize: pixels(p) + (crowded ? 4 : 7) })),
        symbol: 'circle',
        silent: true,
        animation: false,
        z: 2,
        lineStyle: { color: colour('front'), width: 1.5 },
        itemStyle: { color: 'transparent', borderColor: colour('front'), borderWidth: 1.75, opacity: 1 },
      },
      ...scatter.map(({ series }) => series),
    ],
  };
  return {
    option,
    xLog: view.xLog,
    yLog: view.yLog,
    points: points.map(({ row, x, y }) => ({
      row: row.experimentId,
      x,
      y,
      text: () => tooltipText(row, view),
    })),
    rowAt: (seriesIndex, dataIndex) => scatter[seriesIndex - 1]?.points[dataIndex]?.row.experimentId,
  };
}

/** Points one by one, each with its own size, hollow where its row is not valid. */
function smallSeries(
  group: Group<Point>,
  i: number,
  pixels: (p: Point) => number,
  sized: boolean,
): PlottedSeries<Point> {
  // The large ones lie below the small ones.
  const points = [...group.points].sort((a, b) => pixels(b) - pixels(a));
  const fill = series(i);
  const data = points.map((p) => {
    const hollow = p.row.state !== 'valid';
    return {
      value: [p.x, p.y],
      symbolSize: pixels(p),
      itemStyle: {
        color: hollow ? 'transparent' : fill,
        borderColor: hollow ? fill : colour('paper'),
        borderWidth: hollow ? 1.5 : 0.75,
        borderType: hollow ? 'dashed' : 'solid',
      },
    };
  });
  return {
    points,
    series: {
      type: 'scatter',
      name: group.name,
      animation: false,
      z: 3,
      itemStyle: { color: fill, opacity: sized ? 0.72 : 1 },
      emphasis: { scale: 1.4, itemStyle: { borderColor: colour('ink'), borderWidth: 2, opacity: 1 } },
      data,
    },
  };
}

function plotAxis(metric: MetricColumn, log: boolean, side: 'bottom' | 'left') {
  const better = metric.better === null ? '' : ARROWS[side][metric.better];
  return numberAxis((value: number) => metricTick(metric.name, value), {
    type: log ? 'log' : 'value',
    scale: true,
    ...namedOn(side, `${metric.label}   ${better}`),
  });
}

const ARROWS = {
  bottom: { max: 'better →', min: '← better' },
  left: { max: '↑ better', min: '↓ better' },
} as const;

function tip(report: Report, row: Row, view: ParetoView): TipLine[] {
  const plotted = plottedOf(view);
  const others = report.metrics.filter((m) => m.shown && !plotted.includes(m)).slice(0, 4);
  const textOf = (metric: MetricColumn) => `${metric.label} ${valueText(row, metric)}`;
  const lines: TipLine[] = [`#${row.number} ${row.label}`];
  lines.push(...plotted.map((metric) => [textOf(metric), 'tip-value'] as const));
  lines.push(...others.filter(({ name }) => quotedOf(row, name) !== null).map(textOf));
  if (row.onFront) lines.push(['on the front of the objectives', 'tip-front']);
  lines.push(...signsOf([row], [...plotted, ...others]).map((sign) => `${sign} ${MARKS[sign]}`));
  if (row.state !== 'valid')
    lines.push([`invalid: ${row.warnings.map((w) => w.code).join(', ')}`, 'tip-invalid']);
  return lines;
}

const MARK_WORDS = { '': '', '~': ', disturbed' } as const;

/** The same in one sentence, for those who go by keys. */
function tooltipText(row: Row, view: ParetoView): string {
  const values = plottedOf(view).map((metric) => `${metric.label} ${valueText(row, metric)}`);
  const state = row.state === 'valid' ? (row.onFront ? ', on the front' : '') : `, ${row.state}`;
  return `#${row.number} ${row.label}: ${values.join(', ')}${state}${MARK_WORDS[markOf(row)]}`;
}

function plottedOf(view: ParetoView): MetricColumn[] {
  return [...new Set([view.x, view.y, ...(view.size === null ? [] : [view.size])])];
}

function valueText(row: Row, metric: MetricColumn): string {
  const quoted = quotedOf(row, metric.name);
  return quoted === null ? 'none' : quotedText(metric.name, quoted);
}
