import type { Row } from '../../../../report/rows.js';
import { scaled, scaleOf, tick } from '../../../../report/scale.js';
import { quantileOfSorted, sorted } from '../../../../statistics/quantile.js';
import type { Option } from './chart.js';
import type { PlotData } from './frame.js';
import { axisStyle, colour, frameOf, itemTooltip, namedOn, numberAxis, series } from './palette.js';
import type { Plot } from './plot.js';

/** Points of a curve; more cannot be told apart at this size. */
const STEPS = 240;

/** @returns the gaps between tokens of a row over all repeats, sorted, seconds. */
function gapsOf(row: Row): number[] {
  return sorted(row.trial.tokenSeconds.flat());
}

/** A row whose times are not here yet has 0. */
const quantileOf = (gaps: readonly number[], q: number) =>
  gaps.length === 0 ? 0 : quantileOfSorted(gaps, q);

/** Share of gaps that are at most so long, one curve per row; keys go from median to median. */
export function ecdfPlot(rows: readonly Row[], log: boolean): Plot {
  const sorted = rows.map(gapsOf);
  return {
    option: ecdfOption(rows, sorted, log),
    xLog: log,
    yLog: false,
    points: rows.map((row, i) => ({
      row: row.experimentId,
      x: quantileOf(sorted[i] ?? [], 0.5),
      y: 0.5,
      text: () => `#${row.number} ${row.label}: ${quantilesText(sorted[i] ?? [])}`,
    })),
    rowAt: (seriesIndex) => rows[seriesIndex]?.experimentId,
  };
}

function quantilesText(sorted: readonly number[]): string {
  return [0.5, 0.9, 0.99]
    .map((q) => `${Math.round(q * 100)} % within ${text(quantileOf(sorted, q))}`)
    .join(', ');
}

/** What the plots show, as numbers: quantiles of the time between tokens. */
export function latencyData(rows: readonly Row[]): PlotData {
  const shares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1];
  return {
    head: ['row', 'experiment', 'gaps', ...shares.map((q) => `p${Math.round(q * 100)}Seconds`)],
    lines: rows.map((row) => {
      const sorted = gapsOf(row);
      return [row.number, row.label, sorted.length, ...shares.map((q) => quantileOf(sorted, q))];
    }),
  };
}

function ecdfOption(rows: readonly Row[], sorted: readonly (readonly number[])[], log: boolean) {
  const curves = sorted.map(curve);
  return {
    ...frameOf(ROOM),
    tooltip: itemTooltip(({ seriesIndex, value }: { seriesIndex: number; value: [number, number] }) => {
      const row = rows[seriesIndex];
      return `#${row?.number} ${row?.label}: ${(value[1] * 100).toFixed(1)} % within ${text(value[0])}`;
    }),
    xAxis: numberAxis((v: number) => tick(v, 's'), {
      type: log ? 'log' : 'value',
      scale: true,
      ...namedOn('bottom', 'time between tokens'),
    }),
    yAxis: numberAxis((v: number) => `${Math.round(v * 100)} %`, { min: 0, max: 1 }),
    series: curves.map((data, i) => ({
      type: 'line',
      data,
      step: 'end',
      symbol: 'circle',
      symbolSize: 5,
      showSymbol: false,
      animation: false,
      lineStyle: { color: series(i), width: 1.75 },
      itemStyle: { color: series(i) },
      emphasis: { focus: 'series' },
    })),
  };
}

/** Quartiles as the box, 1st and 99th percentile as whiskers, the longest gap as a dot. */
export function boxOption(rows: readonly Row[], log: boolean): Option {
  const boxes = rows.map((row) => {
    const gaps = gapsOf(row);
    return { five: [0.01, 0.25, 0.5, 0.75, 0.99].map((q) => quantileOf(gaps, q)), longest: gaps.at(-1) ?? 0 };
  });
  return {
    ...frameOf(ROOM),
    tooltip: itemTooltip(({ dataIndex }: { dataIndex: number }) => {
      const five = boxes[dataIndex]?.five ?? [];
      return `#${rows[dataIndex]?.number}: median ${text(five[2] ?? 0)}, quartiles ${text(five[1] ?? 0)} and ${text(five[3] ?? 0)}, p99 ${text(five[4] ?? 0)}`;
    }),
    yAxis: numberAxis((v: number) => tick(v, 's'), { type: log ? 'log' : 'value', scale: true }),
    xAxis: { ...axisStyle(), type: 'category', data: rows.map((row) => `#${row.number}`) },
    series: [
      {
        type: 'boxplot',
        animation: false,
        boxWidth: [10, 34],
        data: boxes.map(({ five }, i) => ({
          value: five,
          itemStyle: { color: colour('paper'), borderColor: series(i), borderWidth: 1.75 },
        })),
      },
      {
        type: 'scatter',
        animation: false,
        symbolSize: 5,
        data: boxes.map(({ longest }, i) => ({ value: longest, itemStyle: { color: series(i) } })),
      },
    ],
  };
}

const ROOM = { left: 12, right: 24, top: 14, bottom: 34 };

function curve(sorted: readonly number[]): [number, number][] {
  const count = Math.min(STEPS, sorted.length);
  return Array.from({ length: count }, (_, i) => {
    const share = (i + 1) / count;
    return [quantileOf(sorted, share), share];
  });
}

function text(seconds: number): string {
  const scale = scaleOf('s', [seconds]);
  return `${scaled(seconds, scale)} ${scale.unit}`;
}
