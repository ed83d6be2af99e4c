import type { ChartLine, SweepChart } from '../../roofline/analysis/chart.js';
import { AXIS, FONT, LEGEND, SERIES, tick, title } from './style.js';

const UNIT = {
  'tokens/s': ' (tokens/s)',
  s: ' (s)',
  B: ' (bytes)',
  ratio: ' (times as much)',
  share: '',
  requests: '',
} as const;
/** Ranges wider than this are logarithmic. */
const LOG_FROM = 30;
/** Units whose numbers are often 0. */
const COUNTED: readonly string[] = ['share', 'requests'];
/** Room for a line of the legend. */
const LEGEND_ROW = 18;
const LINES_PER_ROW = 3;
/** Below this width a legend has a line to itself, and axes have fewer ticks. */
const NARROW = 500;
/** More places on the x axis have no dots. */
const MOST_DOTS = 60;

/**
 * One number over one field: lines where the field is a number, dots over words where it is not. A chart
 * without a title has its words beside it.
 * @param width in pixels.
 */
export function sweepOption({ title: text, x, y, lines }: SweepChart, width: number) {
  const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
  const wide = !COUNTED.includes(y.unit) && Math.max(...values) / Math.min(...values) > LOG_FROM;
  const numbers = x.values.map(Number);
  const wideX =
    x.numeric &&
    x.linear !== true &&
    Math.min(...numbers) > 0 &&
    Math.max(...numbers) / Math.min(...numbers) > LOG_FROM;
  const top = topOf(lines);
  const narrow = width < NARROW;
  const above = text === '' ? 0 : 26;
  const rows = lines.length > 1 ? Math.ceil(lines.length / (narrow ? 1 : LINES_PER_ROW)) : 0;
  const ticks = narrow ? { splitNumber: 4 } : {};
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: FONT },
    ...(text === '' ? {} : { title: title(text) }),
    legend: {
      ...LEGEND,
      top: 6 + above,
      show: lines.length > 1,
      type: 'plain',
      orient: narrow ? 'vertical' : 'horizontal',
      itemGap: narrow ? 6 : LEGEND.itemGap,
      data: lines.map(({ name }) => name),
    },
    grid: {
      left: narrow ? 62 : 84,
      right: narrow ? 14 : 40,
      top: 32 + above + LEGEND_ROW * rows,
      bottom: 58,
    },
    xAxis: {
      ...AXIS,
      ...ticks,
      type: x.numeric ? (wideX ? 'log' : 'value') : 'category',
      ...(wideX ? { logBase: 2, min: 'dataMin', max: 'dataMax' } : {}),
      ...(x.numeric
        ? { axisLabel: { ...AXIS.axisLabel, formatter: tick, hideOverlap: true } }
        : { data: x.values }),
      name: x.name,
      nameGap: 30,
    },
    yAxis: {
      ...AXIS,
      ...ticks,
      type: wide ? 'log' : 'value',
      ...(lines.some(isOpen) ? { max: top } : {}),
      name: `${y.name}${UNIT[y.unit]}`,
      nameGap: narrow ? 44 : 62,
      axisLabel: { ...AXIS.axisLabel, formatter: (value: number) => label(value, y.unit) },
    },
    series: lines.flatMap((line, i) => {
      const color = SERIES[i % SERIES.length]!;
      return [...bandSeries(line, x.values, color, top), lineSeries(line, x, color)];
    }),
  };
}

function label(value: number, unit: SweepChart['y']['unit']): string {
  if (unit === 'share') return `${Number((100 * value).toPrecision(3))} %`;
  return unit === 's' && value < 1 ? `${Number(value.toPrecision(3))}` : tick(value);
}

function lineSeries({ name, values }: ChartLine, x: SweepChart['x'], color: string) {
  return {
    type: x.numeric ? 'line' : 'scatter',
    name,
    symbol: x.values.length > MOST_DOTS ? 'none' : 'circle',
    symbolSize: x.numeric ? 6 : 11,
    lineStyle: { width: 1.75 },
    itemStyle: { color },
    data: x.values.map((value, k) => [value, values[k] ?? null]),
  };
}

/** @returns whether its band has no end somewhere. */
const isOpen = ({ band }: ChartLine) =>
  band?.low.some((low, k) => low !== null && (band.high[k] ?? null) === null) ?? false;

/** @returns a round number above all that is drawn: bands without an end are shaded up to there. */
function topOf(lines: readonly ChartLine[]): number {
  const ends = lines.flatMap(({ values, band }) => [...values, ...(band?.high ?? [])]);
  const highest = Math.max(...ends.filter((end) => end !== null));
  const step = 10 ** Math.floor(Math.log10(highest)) / 2;
  return Number((Math.ceil((1.02 * highest) / step) * step).toPrecision(6));
}

/** The lower end, and stacked on it what lies between both, which is shaded. */
function bandSeries({ name, band }: ChartLine, x: readonly (string | number)[], color: string, top: number) {
  if (band === undefined) return [];
  const known = x.flatMap((value, k) => {
    const low = band.low[k] ?? null;
    return low === null ? [] : [{ value, low, between: (band.high[k] ?? top) - low }];
  });
  const shared = {
    type: 'line',
    stack: `band of ${name}`,
    symbol: 'none',
    silent: true,
    lineStyle: { opacity: 0 },
    z: 1,
  } as const;
  return [
    { ...shared, name: `${name}, low`, data: known.map(({ value, low }) => [value, low]) },
    {
      ...shared,
      name: `${name}, high`,
      areaStyle: { color, opacity: 0.16 },
      data: known.map(({ value, between }) => [value, between]),
    },
  ];
}
