import type { MetricColumn } from '../../../../core/report/columns.js';
import type { Report } from '../../../../core/report/report.js';
import { halfWidthOf, metricOf, type Row } from '../../../../core/report/rows.js';
import { metricText, metricTick } from '../../../../core/report/scale.js';
import type { Option } from './chart.js';
import { frontFor, type Point, pointsOf } from './front.js';
import { axisStyle, colour, FONT, SERIES, series, tooltipStyle } from './palette.js';
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

/** The plot, and where each row's point is in it: `[series, datum]`. */
export interface Plot {
  readonly option: Option;
  readonly places: ReadonlyMap<string, readonly [number, number]>;
}

/** The plot as data for the chart library. Points are named by their experiment, so that events find the row. */
export function paretoOption(report: Report, rows: readonly Row[], view: ParetoView): Plot {
  const points = pointsOf(rows, view.x.name, view.y.name).filter(
    (p) => (!view.xLog || p.x > 0) && (!view.yLog || p.y > 0),
  );
  const front = frontFor(report, points, view.x, view.y);
  const axis = report.axes.find((a) => a.name === view.by) ?? null;
  const groups = axis === null ? [null] : axis.texts;
  const crowded = points.length > 400;
  const largest =
    view.size === null ? 0 : Math.max(...points.map(({ row }) => metricOf(row, view.size?.name ?? '') ?? 0));
  const pixels = ({ row }: Point) => {
    if (view.size === null) return crowded ? SIZES.crowded : SIZES.alike;
    return pixelsOf(metricOf(row, view.size.name) ?? 0, largest) * (crowded ? 0.5 : 1);
  };

  const scatter = groups.map((group, i) => {
    const value = axis?.values[i];
    const own = points.filter((p) => axis === null || (p.row.axes[axis.name] ?? null) === value);
    // The large ones lie below the small ones.
    own.sort((a, b) => pixels(b) - pixels(a));
    return {
      type: 'scatter',
      name: group ?? 'rows',
      animation: false,
      z: 3,
      itemStyle: { color: series(i), opacity: view.size === null ? 1 : 0.72 },
      emphasis: { scale: 1.4, itemStyle: { borderColor: colour('ink'), borderWidth: 2, opacity: 1 } },
      data: own.map((p) => datum(p, series(i), pixels(p))),
    };
  });
  const places = new Map(
    scatter.flatMap(({ data }, i) => data.map(({ row }, k) => [row, [i + 1, k]] as const)),
  );
  const option = {
    animation: false,
    textStyle: { fontFamily: FONT },
    grid: { left: 16, right: 28, top: groups.length > 1 ? 62 : 34, bottom: 34, containLabel: true },
    legend: {
      show: groups.length > 1,
      type: 'plain',
      left: 8,
      top: 4,
      itemWidth: 9,
      itemHeight: 9,
      icon: 'circle',
      textStyle: { color: colour('ink'), fontFamily: FONT, fontSize: 11 },
      data: groups.length > 1 ? [...groups].slice(0, SERIES * 2) : [],
    },
    tooltip: {
      ...tooltipStyle(),
      trigger: 'item',
      formatter: (item: { data?: { row?: string } }) => tip(report, rows, view, item),
    },
    xAxis: plotAxis(view.x, view.xLog, 'bottom'),
    yAxis: plotAxis(view.y, view.yLog, 'left'),
    dataZoom: [
      { type: 'inside', xAxisIndex: 0, filterMode: 'none', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: true },
      { type: 'inside', yAxisIndex: 0, filterMode: 'none', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: true },
    ],
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
      ...scatter,
    ],
  };
  return { option, places };
}

function datum({ row, x, y }: Point, fill: string, symbolSize: number) {
  const hollow = row.state !== 'valid';
  return {
    value: [x, y],
    symbolSize,
    row: row.experimentId,
    itemStyle: {
      color: hollow ? 'transparent' : fill,
      borderColor: hollow ? fill : colour('paper'),
      borderWidth: hollow ? 1.5 : 0.75,
      borderType: hollow ? 'dashed' : 'solid',
    },
  };
}

function plotAxis(metric: MetricColumn, log: boolean, side: 'bottom' | 'left') {
  const better = metric.better === null ? '' : ARROWS[side][metric.better];
  const common = {
    ...axisStyle(),
    type: log ? 'log' : 'value',
    scale: true,
    name: `${metric.label}   ${better}`,
    axisLabel: {
      ...axisStyle().axisLabel,
      hideOverlap: true,
      formatter: (value: number) => metricTick(metric.name, value),
    },
  };
  if (side === 'bottom') return { ...common, nameLocation: 'middle', nameGap: 30 };
  return {
    ...common,
    nameLocation: 'end',
    nameGap: 10,
    nameTextStyle: { ...axisStyle().nameTextStyle, align: 'left', padding: [0, 0, 0, -44] },
  };
}

const ARROWS = {
  bottom: { max: 'better →', min: '← better' },
  left: { max: '↑ better', min: '↓ better' },
} as const;

/** Built from nodes, never from markup: names come from files. */
function tip(
  report: Report,
  rows: readonly Row[],
  view: ParetoView,
  item: { data?: { row?: string } },
): HTMLElement | string {
  const row = rows.find((r) => r.experimentId === item.data?.row);
  if (row === undefined) return '';
  const box = document.createElement('div');
  box.className = 'tip';
  const add = (name: string, text: string) => {
    const line = box.appendChild(document.createElement('div'));
    line.className = name;
    line.textContent = text;
  };
  add('tip-title', `#${row.number} ${row.label}`);
  const plotted = [view.x, view.y, ...(view.size === null ? [] : [view.size])];
  for (const metric of new Set(plotted)) add('tip-value', `${metric.label} ${valueText(row, metric)}`);
  const others = report.metrics.filter((m) => m.shown && !plotted.includes(m)).slice(0, 4);
  for (const metric of others)
    if (metricOf(row, metric.name) !== null) add('tip-other', `${metric.label} ${valueText(row, metric)}`);
  if (row.onFront) add('tip-front', 'on the front of the objectives');
  if (row.state !== 'valid') add('tip-invalid', `invalid: ${row.warnings.map((w) => w.code).join(', ')}`);
  return box;
}

function valueText(row: Row, metric: MetricColumn): string {
  const value = metricOf(row, metric.name);
  return value === null ? 'none' : metricText(metric.name, value, halfWidthOf(row, metric.name));
}
