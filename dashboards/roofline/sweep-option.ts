import type { SweepChart } from '../../roofline/analysis/chart.js';
import { AXIS, FONT, LEGEND, SERIES, tick, title } from './style.js';

const UNIT = { 'tokens/s': 'tokens/s', s: 's', B: 'bytes', ratio: 'times as much' } as const;
/** Ranges wider than this are logarithmic. */
const LOG_FROM = 30;
/** Room for a line of the legend. */
const LEGEND_ROW = 18;
const LINES_PER_ROW = 3;

/** One number over one field: lines where the field is a number, dots over words where it is not. */
export function sweepOption({ title: text, x, y, lines }: SweepChart) {
  const values = lines.flatMap((line) => line.values.filter((value) => value !== null));
  const wide = Math.max(...values) / Math.min(...values) > LOG_FROM;
  const numbers = x.values.map(Number);
  const wideX =
    x.numeric && Math.min(...numbers) > 0 && Math.max(...numbers) / Math.min(...numbers) > LOG_FROM;
  const format = (value: number) =>
    y.unit === 's' && value < 1 ? `${Number(value.toPrecision(3))}` : tick(value);
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: FONT },
    title: title(text),
    legend: { ...LEGEND, show: lines.length > 1, type: 'plain' },
    grid: {
      left: 84,
      right: 40,
      top: 58 + (lines.length > 1 ? LEGEND_ROW * Math.ceil(lines.length / LINES_PER_ROW) : 0),
      bottom: 58,
    },
    xAxis: {
      ...AXIS,
      type: x.numeric ? (wideX ? 'log' : 'value') : 'category',
      ...(wideX ? { logBase: 2, min: 'dataMin', max: 'dataMax' } : {}),
      ...(x.numeric ? { axisLabel: { ...AXIS.axisLabel, formatter: tick } } : { data: x.values }),
      name: x.name,
      nameGap: 30,
    },
    yAxis: {
      ...AXIS,
      type: wide ? 'log' : 'value',
      name: `${y.name} (${UNIT[y.unit]})`,
      nameGap: 62,
      axisLabel: { ...AXIS.axisLabel, formatter: format },
    },
    series: lines.map(({ name, values: own }, i) => ({
      type: x.numeric ? 'line' : 'scatter',
      name,
      symbol: 'circle',
      symbolSize: x.numeric ? 6 : 11,
      lineStyle: { width: 1.75 },
      itemStyle: { color: SERIES[i % SERIES.length] },
      data: x.values.map((value, k) => [value, own[k] ?? null]),
    })),
  };
}
