import type { Report } from '../../../../core/report/report.js';
import { type RooflinePoint, rateText, roofLines, rooflinePoints } from '../../../../core/report/roofline.js';
import type { Row } from '../../../../core/report/rows.js';
import { quantity, tick } from '../../../../core/report/scale.js';
import { TECHNIQUES } from '../../../../core/techniques/index.js';
import type { Option } from './chart.js';
import { axisStyle, colour, FONT, series, tooltipStyle } from './palette.js';

const GRID = { left: 16, right: 28, top: 40, bottom: 34, containLabel: true };
const SYMBOLS = { prefill: 'rect', decode: 'circle' } as const;

/** Points on the roofs of their machines: FLOP/s over FLOP/byte, both logarithmic. */
export function rooflineOption(report: Report, rows: readonly Row[]): Option {
  const points = rooflinePoints(rows);
  const lines = roofLines(points);
  const intensities = points.map(({ phase }) => phase.intensity);
  const low = Math.min(...intensities, ...lines.map(ridge)) / 3;
  const high = Math.max(...intensities, ...lines.map(ridge)) * 3;
  const roofs = lines.map((line) => ({
    type: 'line',
    name: line.name,
    data: [low, ridge(line), high].map((x) => [x, Math.min(line.flopsPerSecond, x * line.bytesPerSecond)]),
    symbol: 'none',
    animation: false,
    lineStyle: { color: colour('quiet'), width: 1.5, type: line.origin === 'measured' ? 'solid' : 'dashed' },
    tooltip: { formatter: () => text([line.name]) },
  }));
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    grid: GRID,
    legend: legend(report, points),
    tooltip: { ...tooltipStyle(), trigger: 'item' },
    xAxis: logAxis('FLOP per byte of weights and cache', 'bottom', (v) => String(Number(v.toPrecision(2)))),
    yAxis: logAxis('FLOP/s', 'left', (v) => rateText(v, 'FLOP/s')),
    series: [...roofs, ...scatters(report, points, ({ phase }) => [phase.intensity, phase.flopsPerSecond])],
  };
}

/** Predicted over measured seconds of a pass; on the line they are equal, between the dashes within a tenth. */
export function predictedOption(report: Report, rows: readonly Row[]): Option {
  const points = rooflinePoints(rows).filter(({ phase }) => phase.predictedSeconds !== null);
  const place = ({ phase }: RooflinePoint): [number, number] => {
    const each = phase.name === 'decode' ? phase.passes : 1;
    return [phase.measuredSeconds / each, (phase.predictedSeconds ?? 0) / each];
  };
  const values = points.flatMap(place);
  const [low, high] = [Math.min(...values) / 1.5, Math.max(...values) * 1.5];
  const diagonal = (factor: number, type: 'solid' | 'dashed') => ({
    type: 'line',
    name: factor === 1 ? 'as predicted' : `${factor} times`,
    data: [low, high].map((x) => [x, x * factor]),
    symbol: 'none',
    silent: true,
    animation: false,
    lineStyle: { color: colour('quiet'), width: 1, type },
  });
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    grid: GRID,
    legend: legend(report, points),
    tooltip: { ...tooltipStyle(), trigger: 'item' },
    xAxis: logAxis('measured time of a prefill or step', 'bottom', (v) => tick(v, 's')),
    yAxis: logAxis('predicted', 'left', (v) => tick(v, 's')),
    series: [
      diagonal(1, 'solid'),
      diagonal(1.1, 'dashed'),
      diagonal(0.9, 'dashed'),
      ...scatters(report, points, place),
    ],
  };
}

const ridge = (line: { flopsPerSecond: number; bytesPerSecond: number }) =>
  line.flopsPerSecond / line.bytesPerSecond;

/** The technique that varies, by which points are coloured; the first axis where none does. */
function colouring(report: Report) {
  const names = TECHNIQUES.map(({ name }) => name as string);
  return report.axes.find(({ name }) => names.includes(name)) ?? report.axes[0] ?? null;
}

function groupsOf(report: Report, points: readonly RooflinePoint[]) {
  const axis = colouring(report);
  if (axis === null) return [{ name: 'rows', points }];
  return axis.values.map((value, i) => ({
    name: axis.texts[i] ?? 'rows',
    points: points.filter(({ row }) => (row.axes[axis.name] ?? null) === value),
  }));
}

function scatters(
  report: Report,
  points: readonly RooflinePoint[],
  place: (point: RooflinePoint) => [number, number],
) {
  return groupsOf(report, points).map(({ name, points: own }, i) => ({
    type: 'scatter',
    name,
    animation: false,
    z: 3,
    symbolSize: 9,
    itemStyle: { color: series(i), borderColor: colour('paper'), borderWidth: 0.75 },
    data: own.map((point) => ({
      value: place(point),
      row: point.row.experimentId,
      symbol: SYMBOLS[point.phase.name],
      itemStyle:
        point.row.state === 'valid' ? {} : { color: 'transparent', borderColor: series(i), borderWidth: 1.5 },
      tooltip: { formatter: () => text(describe(point)) },
    })),
  }));
}

function legend(report: Report, points: readonly RooflinePoint[]) {
  const data = groupsOf(report, points).map(({ name }) => name);
  return {
    show: data.length > 1,
    type: 'scroll',
    left: 8,
    top: 4,
    itemWidth: 9,
    itemHeight: 9,
    icon: 'circle',
    textStyle: { color: colour('ink'), fontFamily: FONT, fontSize: 11 },
    data,
  };
}

function describe({ row, phase, roofline }: RooflinePoint): string[] {
  const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;
  const { predictedSeconds, measuredSeconds } = phase;
  return [
    `#${row.number} ${row.label}, ${phase.name}`,
    `${rateText(phase.flopsPerSecond, 'FLOP/s')} at ${phase.intensity.toPrecision(3)} FLOP/byte, ${percent(phase.roofRatio)} of the roof`,
    `bound by ${phase.boundLevel}; MFU ${phase.mfu === null ? 'unknown' : percent(phase.mfu)}, MBU ${percent(phase.mbu)}`,
    ...(predictedSeconds === null
      ? []
      : [`predicted ${quantity(predictedSeconds, 's')}, measured ${quantity(measuredSeconds, 's')}`]),
    `roofs ${roofline.ceilings.origin}`,
  ];
}

/** Built from nodes, never from markup: names come from files. */
function text(lines: readonly string[]): HTMLElement {
  const box = document.createElement('div');
  box.className = 'tip';
  for (const [i, line] of lines.entries()) {
    const at = box.appendChild(document.createElement('div'));
    at.className = i === 0 ? 'tip-title' : 'tip-other';
    at.textContent = line;
  }
  return box;
}

function logAxis(name: string, side: 'bottom' | 'left', formatter: (value: number) => string) {
  const common = {
    ...axisStyle(),
    type: 'log',
    scale: true,
    name,
    axisLabel: { ...axisStyle().axisLabel, hideOverlap: true, formatter },
  };
  if (side === 'bottom') return { ...common, nameLocation: 'middle', nameGap: 30 };
  const nameTextStyle = { ...axisStyle().nameTextStyle, align: 'left', padding: [0, 0, 0, -44] };
  return { ...common, nameLocation: 'end', nameGap: 10, nameTextStyle };
}
