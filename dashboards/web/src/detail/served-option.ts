import { sloText } from '../../../../core/serving/slo.js';
import { quantity, tick } from '../../../../report/scale.js';
import { CURVE_SHARES, type CurveName, objectivesOn, type ServedView } from '../../../../report/served.js';
import type { Option } from '../charts/chart.js';
import { colour, frameOf, itemTooltip, legendOf, numberAxis, wordStyle } from '../charts/palette.js';

/** Both starts of one latency have one colour. */
const COLOURS: Readonly<Record<CurveName, string>> = {
  'TTFT, scheduled': 'c0',
  'TTFT, service': 'c0',
  TPOT: 'c3',
  'whole request, scheduled': 'c5',
  'whole request, service': 'c5',
};

/**
 * Share of requests that are within so long, a curve for each latency, and what the sweep asks of them as
 * lines.
 */
export function servedOption({ curves, kept }: ServedView): Option {
  return {
    ...frameOf({ left: 12, right: 24, top: 50, bottom: 12 }),
    legend: legendOf({ top: 2, itemWidth: 16 }),
    tooltip: itemTooltip(
      ({ seriesName, value: [seconds, share] }: { seriesName: string; value: [number, number] }) =>
        `${seriesName}: ${(100 * share).toFixed(1)} % within ${quantity(seconds, 's')}`,
    ),
    xAxis: numberAxis((seconds: number) => tick(seconds, 's'), { type: 'log' }),
    yAxis: numberAxis((share: number) => `${Math.round(100 * share)} %`, { min: 0, max: 1 }),
    series: curves.map(({ name, quantiles }) => ({
      type: 'line',
      name,
      // A logarithmic axis has no place for what took no time.
      data: quantiles.flatMap((seconds, i) => (seconds > 0 ? [[seconds, CURVE_SHARES[i]]] : [])),
      symbol: 'circle',
      symbolSize: 5,
      showSymbol: false,
      lineStyle: {
        color: colour(COLOURS[name]),
        width: 1.75,
        type: name.endsWith('service') ? 'dashed' : 'solid',
      },
      itemStyle: { color: colour(COLOURS[name]) },
      markLine: {
        silent: true,
        symbol: 'none',
        lineStyle: { color: colour(COLOURS[name]), type: 'dotted', width: 1.25 },
        // Once for both starts.
        data: name.endsWith('service')
          ? []
          : objectivesOn(name, kept).map((objective) => ({
              xAxis: objective.seconds,
              label: { ...wordStyle(), formatter: sloText([objective]) },
            })),
      },
    })),
  };
}
