import { groupBy } from '../../../../core/maps.js';
import { NAME } from '../../../../core/sweep/labels.js';
import { type AxisColumn, cellText, type MetricColumn } from '../../../../report/columns.js';
import { quotedValue } from '../../../../report/quoted.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';
import { metricText, metricTick } from '../../../../report/scale.js';
import { frameOf, itemTooltip, legendOf, namedOn, numberAxis, SERIES, series } from './palette.js';
import type { Plot } from './plot.js';

/** Axes that say how much is asked of a server; all others say which server it is. */
const LOAD = ['concurrency', 'requestsPerSecond', 'rampToPerSecond', 'arrival', NAME];
/** Options that say how many devices a server has. */
const SPLITS = ['tensorParallel', 'pipelineParallel', 'dataParallel'];

/** @returns how many devices the server of a row has; what is left to the server counts as one. */
export function devicesOf({ axes }: Row): number {
  return SPLITS.reduce((product, name) => product * (typeof axes[name] === 'number' ? axes[name] : 1), 1);
}

export interface LoadPoint {
  readonly row: Row;
  /** How much was asked. */
  readonly load: string;
  readonly x: number;
  readonly y: number;
}

/** One server under growing load. */
export interface LoadLine {
  readonly name: string;
  readonly points: readonly LoadPoint[];
}

export interface LoadView {
  readonly x: MetricColumn;
  readonly y: MetricColumn;
  readonly perDevice: boolean;
}

/** @returns a line for each combination of what is not load, in the order of load. */
export function loadLines(report: Report, rows: readonly Row[], view: LoadView): LoadLine[] {
  const others = report.axes.filter(({ name }) => !LOAD.includes(name));
  const text = (axes: readonly AxisColumn[], row: Row) =>
    axes.map((axis) => `${axis.name} ${cellText(axis, row.axes[axis.name])}`).join(', ');
  const points = rows.flatMap((row): LoadPoint[] => {
    const [x, y] = [quotedValue(row, view.x.name), quotedValue(row, view.y.name)];
    if (x === null || y === null || row.state === 'failed') return [];
    return [{ row, load: loadText(row), x, y: view.perDevice ? y / devicesOf(row) : y }];
  });
  const lines = groupBy(points, ({ row }) => text(others, row) || 'rows');
  return [...lines].map(([name, own]) => ({
    name,
    points: own.sort((a, b) => loadOf(a.row) - loadOf(b.row)),
  }));
}

function loadOf({ axes: { concurrency, requestsPerSecond } }: Row): number {
  return Number(requestsPerSecond ?? concurrency ?? 0);
}

function loadText({ axes: { concurrency, requestsPerSecond } }: Row): string {
  return typeof requestsPerSecond === 'number'
    ? `${requestsPerSecond} requests/s`
    : `concurrency ${concurrency ?? 1}`;
}

/** Throughput over latency, or over what one user gets: a line for each server. */
export function loadPlot(lines: readonly LoadLine[], view: LoadView): Plot {
  const say = ({ row, load, x, y }: LoadPoint) =>
    `#${row.number} ${row.label}, ${load}: ${view.y.label}${view.perDevice ? ' per device' : ''} ${metricText(view.y.name, y, null)}, ${view.x.label} ${metricText(view.x.name, x, null)}${row.state === 'valid' ? '' : `, ${row.state}`}`;
  const axis = (metric: MetricColumn, side: 'bottom' | 'left', name: string) => {
    const format = (value: number) => metricTick(metric.name, value);
    return numberAxis(format, { scale: true, ...namedOn(side, name) });
  };
  return {
    xLog: false,
    yLog: false,
    option: {
      ...frameOf({ left: 16, right: 28, top: room(lines.length), bottom: 34 }),
      legend: legendOf({
        show: lines.length > 1,
        data: lines.slice(0, 2 * SERIES).map(({ name }) => name),
      }),
      tooltip: itemTooltip(({ seriesIndex, dataIndex }: { seriesIndex: number; dataIndex: number }) => {
        const point = lines[seriesIndex]?.points[dataIndex];
        return point === undefined ? '' : say(point);
      }),
      xAxis: axis(view.x, 'bottom', view.x.label),
      yAxis: axis(view.y, 'left', `${view.y.label}${view.perDevice ? ' per device' : ''}`),
      series: lines.map(({ name, points }, i) => ({
        type: 'line',
        name,
        data: points.map(({ row, x, y }) => ({
          value: [x, y],
          // Hollow where the row is not to be compared.
          symbol: row.state === 'valid' ? 'circle' : 'emptyCircle',
        })),
        symbolSize: 8,
        showSymbol: true,
        lineStyle: { color: series(i), width: 1.75 },
        itemStyle: { color: series(i) },
        emphasis: { focus: 'series' },
      })),
    },
    points: lines.flatMap(({ points }) =>
      points.map((point) => ({
        row: point.row.experimentId,
        x: point.x,
        y: point.y,
        text: () => say(point),
      })),
    ),
    rowAt: (seriesIndex, dataIndex) => lines[seriesIndex]?.points[dataIndex]?.row.experimentId,
  };
}

/**
 * Lines of the legend that fit beside each other are not known before it is drawn: each has room of its own,
 * up to a point.
 */
function room(lines: number): number {
  return lines > 1 ? 40 + 15 * Math.min(lines, MOST_LEGEND_LINES) : 34;
}
const MOST_LEGEND_LINES = 8;
