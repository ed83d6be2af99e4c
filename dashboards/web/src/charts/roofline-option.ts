import type { RooflinePhase } from '../../../../core/result/roofline-record.js';
import type { AxisColumn } from '../../../../report/columns.js';
import {
  type NodeRoof,
  nodeRoofs,
  predictedFrom,
  type RooflinePoint,
  rateText,
  roofLines,
  rooflinePoints,
} from '../../../../report/roofline.js';
import type { Row } from '../../../../report/rows.js';
import { quantity, tick } from '../../../../report/scale.js';
import { type Group, groupsOf, largeSeries, type PlottedSeries } from './groups.js';
import { colour, frameOf, itemTooltip, legendOf, namedOn, numberAxis, series, wordStyle } from './palette.js';
import type { Plot, PlotPoint } from './plot.js';

const GRID = { left: 16, right: 28, bottom: 34 };
/** Pixels above the plot: of the name of its axis, and of the colours above that. */
const NAME_ROOM = 34;
const LEGEND_ROOM = 28;
/** Of each phase, and what a reader calls the shape. */
export const SYMBOLS = {
  decode: ['circle', 'circles'],
  prefill: ['rect', 'squares'],
  serve: ['roundRect', 'round squares'],
  forward: ['triangle', 'triangles'],
  backward: ['arrow', 'arrows'],
  optimizer: ['pin', 'drops'],
  infer: ['emptyCircle', 'rings'],
  call: ['diamond', 'diamonds'],
} as const satisfies Record<RooflinePhase['name'], readonly [string, string]>;
/** Of points that the roofs alone predict. */
const FAINT = 0.4;
/** More points than this are drawn in one stroke each series. */
const LARGE = 2000;

export interface RooflineView {
  /** Axis whose values are colours; null = one colour. */
  readonly by: AxisColumn | null;
  /** Every measured roof of the machines, and not only those that points stand under. */
  readonly all: boolean;
}

/** Points on the roofs of their machines: FLOP/s over FLOP/byte, both logarithmic. */
export function rooflinePlot(rows: readonly Row[], { by, all }: RooflineView): Plot {
  const points = rooflinePoints(rows);
  const lines = roofLines(points);
  const others = all ? nodeRoofs(points) : [];
  const knees = [...lines.map(ridge), ...kneesOf(others)];
  const intensities = points.map(({ phase }) => phase.intensity);
  const [low, high] = [least([...intensities, ...knees]) / 3, largest([...intensities, ...knees]) * 3];
  const roofs = lines.map((line) => ({
    ...roofStyle(line.name),
    data: [low, ridge(line), high].map((x) => [x, Math.min(line.flopsPerSecond, x * line.bytesPerSecond)]),
    lineStyle: { color: colour('quiet'), width: 1.5, type: line.origin === 'measured' ? 'solid' : 'dashed' },
  }));
  const drawn = [...nodeLines(others, low, high), ...roofs];
  const axes = {
    xAxis: logAxis('FLOP per byte of weights and cache', 'bottom', (v) => String(Number(v.toPrecision(2)))),
    yAxis: logAxis('FLOP/s', 'left', (v) => rateText(v, 'FLOP/s')),
  };
  return plotOf(points, by, drawn, axes, ({ phase }) => [phase.intensity, phase.flopsPerSecond]);
}

/**
 * Predicted over measured seconds of a pass; on the line they are equal, between the dashes within a tenth.
 * Points that the roofs alone predict are faint: they lie below the line by what is left to gain.
 */
export function predictedPlot(rows: readonly Row[], { by }: RooflineView): Plot {
  const points = rooflinePoints(rows).filter(({ phase }) => phase.predictedSeconds !== null);
  const place = ({ phase }: RooflinePoint): [number, number] => {
    const each = phase.name === 'decode' ? phase.passes : 1;
    return [phase.measuredSeconds / each, (phase.predictedSeconds ?? 0) / each];
  };
  const values = points.flatMap(place);
  const [low, high] = [least(values) / 1.5, largest(values) * 1.5];
  const diagonal = (factor: number, type: 'solid' | 'dashed') => ({
    ...roofStyle(factor === 1 ? 'as predicted' : `${factor} times`),
    data: [low, high].map((x) => [x, x * factor]),
    silent: true,
    lineStyle: { color: colour('quiet'), width: 1, type },
  });
  const axes = {
    xAxis: logAxis('measured time of a prefill, step or call', 'bottom', (v) => tick(v, 's')),
    yAxis: logAxis('predicted', 'left', (v) => tick(v, 's')),
  };
  const lines = [diagonal(1, 'solid'), diagonal(1.1, 'dashed'), diagonal(0.9, 'dashed')];
  return plotOf(points, by, lines, axes, place, (point) =>
    predictedFrom(point.roofline, point.phase) === 'roofs' ? FAINT : 1,
  );
}

function plotOf(
  points: readonly RooflinePoint[],
  by: AxisColumn | null,
  lines: readonly object[],
  axes: { readonly xAxis: object; readonly yAxis: object },
  place: Place,
  opacityOf: (point: RooflinePoint) => number = () => 1,
): Plot {
  const scatter = groupsOf(points, by).flatMap((group, i) =>
    points.length > LARGE ? phaseSeries(group, i, place) : [smallSeries(group, i, place, opacityOf)],
  );
  const pointAt = (seriesIndex: number, dataIndex: number) =>
    scatter[seriesIndex - lines.length]?.points[dataIndex];
  return {
    xLog: true,
    yLog: true,
    option: {
      ...frameOf({ ...GRID, top: NAME_ROOM + (hasLegend(by) ? LEGEND_ROOM : 0) }),
      legend: legendOf({
        show: hasLegend(by),
        type: 'scroll',
        itemWidth: 9,
        itemHeight: 9,
        icon: 'circle',
        data: [...(by?.texts ?? [])],
      }),
      tooltip: itemTooltip((item: { seriesIndex: number; dataIndex: number; seriesName: string }) => {
        const point = pointAt(item.seriesIndex, item.dataIndex);
        return point === undefined ? [item.seriesName] : describe(point);
      }),
      ...axes,
      series: [...lines, ...scatter.map((one) => one.series)],
    },
    points: points.map((point): PlotPoint => {
      const [x, y] = place(point);
      return { row: point.row.experimentId, x, y, text: () => describe(point).join('; ') };
    }),
    rowAt: (seriesIndex, dataIndex) => pointAt(seriesIndex, dataIndex)?.row.experimentId,
  };
}

type Place = (point: RooflinePoint) => [number, number];

function smallSeries(
  { name, points }: Group<RooflinePoint>,
  i: number,
  place: Place,
  opacityOf: (point: RooflinePoint) => number,
): PlottedSeries<RooflinePoint> {
  const hollow = { color: 'transparent', borderColor: series(i), borderWidth: 1.5 };
  const data = points.map((point) => ({
    value: place(point),
    symbol: SYMBOLS[point.phase.name][0],
    itemStyle: { ...(point.row.state === 'valid' ? {} : hollow), opacity: opacityOf(point) },
  }));
  const itemStyle = { color: series(i), borderColor: colour('paper'), borderWidth: 0.75 };
  return {
    points,
    series: { type: 'scatter', name, animation: false, z: 3, symbolSize: 9, itemStyle, data },
  };
}

/** One stroke for each phase. */
function phaseSeries({ name, points }: Group<RooflinePoint>, i: number, place: Place) {
  return phasesOf(points).flatMap((phase) => {
    const own = points.filter((point) => point.phase.name === phase);
    return largeSeries({ name, points: own }, i, place, { symbol: SYMBOLS[phase][0], symbolSize: 5 });
  });
}

/** @returns phases that points are of, each once. */
export function phasesOf(points: readonly RooflinePoint[]): RooflinePhase['name'][] {
  return [...new Set(points.map(({ phase }) => phase.name))];
}

const ridge = (line: { flopsPerSecond: number; bytesPerSecond: number }) =>
  line.flopsPerSecond / line.bytesPerSecond;

/**
 * Math.min and Math.max take their numbers as arguments, and 20,000 of those are too many for some engines.
 */
const least = (values: readonly number[]) =>
  values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
const largest = (values: readonly number[]) =>
  values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

const roofStyle = (name: string) => ({
  type: 'line',
  name,
  symbol: 'none',
  animation: false,
  cursor: 'default',
});

function kneesOf(roofs: readonly NodeRoof[]): number[] {
  const bandwidths = roofs.filter(({ kind }) => kind === 'bandwidth').map((roof) => roof.perSecond);
  const peaks = roofs.filter(({ kind }) => kind === 'compute').map((roof) => roof.perSecond);
  if (bandwidths.length === 0 || peaks.length === 0) return [];
  return [least(peaks) / largest(bandwidths), largest(peaks) / least(bandwidths)];
}

/**
 * Slopes end at the highest peak, and peaks begin at the fastest slope; the names are points without a mark.
 */
function nodeLines(roofs: readonly NodeRoof[], low: number, high: number): object[] {
  if (roofs.length === 0) return [];
  const fastest = largest(roofs.filter(({ kind }) => kind === 'bandwidth').map((roof) => roof.perSecond));
  const peak = largest(roofs.filter(({ kind }) => kind === 'compute').map((roof) => roof.perSecond));
  const ends = ({ kind, perSecond }: NodeRoof): [number, number][] =>
    kind === 'bandwidth'
      ? [
          [low, low * perSecond],
          [peak / perSecond, peak],
        ]
      : [
          [perSecond / fastest, perSecond],
          [high, perSecond],
        ];
  const lines = roofs.map((roof) => {
    const value = rateText(roof.perSecond, roof.kind === 'bandwidth' ? 'B/s' : 'FLOP/s');
    return {
      ...roofStyle(`${roof.what} ${value}, measured on ${roof.device}, ${roof.threads} threads`),
      data: ends(roof),
      lineStyle: { color: colour('line'), width: 1 },
    };
  });
  const names = roofs.map((roof) => ({
    value: ends(roof)[roof.kind === 'bandwidth' ? 0 : 1],
    label: {
      show: true,
      formatter: `${roof.what} ${rateText(roof.perSecond, roof.kind === 'bandwidth' ? 'B/s' : 'FLOP/s')}`,
      position: roof.kind === 'bandwidth' ? 'right' : 'left',
      offset: [0, -7],
      ...wordStyle('quiet', 10.5),
    },
  }));
  const named = {
    type: 'scatter',
    name: 'roofs',
    animation: false,
    silent: true,
    symbolSize: 0.1,
    data: names,
  };
  return [...lines, named];
}

function hasLegend(axis: AxisColumn | null): boolean {
  return (axis?.texts.length ?? 0) > 1;
}

function describe({ row, phase, roofline }: RooflinePoint): string[] {
  const percent = (ratio: number) => `${(100 * ratio).toFixed(1)} %`;
  const { predictedSeconds, measuredSeconds } = phase;
  const by = { roofs: ' by the roofs alone', tables: ` by ${roofline.predictedBy}`, factors: '' };
  const from = predictedFrom(roofline, phase);
  const source = from === null ? '' : by[from];
  return [
    `#${row.number} ${row.label}, ${phase.name}`,
    `${rateText(phase.flopsPerSecond, 'FLOP/s')} at ${phase.intensity.toPrecision(3)} FLOP/byte, ${percent(phase.roofRatio)} of the roof`,
    `bound by ${phase.boundLevel}; MFU ${phase.mfu === null ? 'unknown' : percent(phase.mfu)}, MBU ${percent(phase.mbu)}`,
    ...(predictedSeconds === null
      ? []
      : [
          `predicted${source} ${quantity(predictedSeconds, 's')}, measured ${quantity(measuredSeconds, 's')}`,
        ]),
    `roofs ${roofline.ceilings.origin}`,
  ];
}

function logAxis(name: string, side: 'bottom' | 'left', formatter: (value: number) => string) {
  return numberAxis(formatter, { type: 'log', scale: true, ...namedOn(side, name) });
}
