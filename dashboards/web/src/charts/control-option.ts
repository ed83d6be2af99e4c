import { minuteOf } from '../../../../core/minute.js';
import type { LiveChart } from '../../../../report/live/live.js';
import { metricText, metricTick } from '../../../../report/scale.js';
import type { Option } from './chart.js';
import type { PlotData } from './frame.js';
import { colour, frameOf, itemTooltip, numberAxis, wordStyle } from './palette.js';

/** @returns a value of a chart for people; of all experiments together it is a ratio to their own levels. */
export const valueText = ({ experimentId, metric }: LiveChart, value: number): string =>
  experimentId === null ? `× ${value.toFixed(3)}` : metricText(metric, value);

/** Of an axis that may span hours or years. */
const TIMES = {
  year: '{yyyy}',
  month: '{MMM} {yyyy}',
  day: '{MMM} {d}',
  hour: '{HH}:{mm}',
  minute: '{HH}:{mm}',
};

/**
 * One experiment over time: its sittings, what is usual between its limits, since when its level is another,
 * and levels that were saved by name.
 */
export function controlOption(chart: LiveChart): Option {
  const { sittings, chart: limits, changes, baselines, experimentId, metric } = chart;
  const beyond = new Set(limits?.beyond ?? []);
  const values = [
    ...sittings.map(({ value }) => value),
    ...(limits?.limits ?? []),
    ...baselines.map(({ value }) => value),
  ];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.08 * (high - low || high);
  const level = (y: number, text: string, ink: string, type: string, position: string) => ({
    yAxis: y,
    lineStyle: { color: colour(ink), type, width: 1 },
    label: { formatter: text, ...wordStyle(ink), position },
  });
  return {
    ...frameOf({ left: 12, right: 18, top: 22, bottom: 8 }),
    tooltip: itemTooltip(({ dataIndex }: { dataIndex: number }) => {
      const sitting = sittings[dataIndex];
      return sitting === undefined ? '' : sittingText(chart, sitting);
    }),
    xAxis: numberAxis(TIMES, { type: 'time' }),
    yAxis: numberAxis(
      (v: number) => (experimentId === null ? `× ${v.toFixed(2)}` : metricTick(metric, v)),
      { min: low - room, max: high + room },
      { showMinLabel: false, showMaxLabel: false },
    ),
    series: [
      {
        type: 'line',
        animation: false,
        symbol: 'circle',
        data: sittings.map(({ at, value }) => ({
          value: [at, value],
          symbolSize: beyond.has(at) ? 10 : 6,
          itemStyle: { color: colour(beyond.has(at) ? 'bad' : 'c0') },
        })),
        lineStyle: { color: colour('c0'), width: 1.5 },
        markArea: {
          silent: true,
          itemStyle: { color: colour('wash') },
          data: limits === null ? [] : [[{ yAxis: limits.limits[0] }, { yAxis: limits.limits[1] }]],
        },
        markLine: {
          silent: true,
          symbol: 'none',
          data: [
            ...(limits === null
              ? []
              : [
                  level(limits.centre, 'usual', 'quiet', 'solid', 'insideStartTop'),
                  level(limits.limits[0], '', 'quiet', 'dashed', 'start'),
                  level(limits.limits[1], '', 'quiet', 'dashed', 'start'),
                ]),
            ...baselines.map(({ name, value }) => level(value, name, 'c2', 'dotted', 'insideEndTop')),
            ...changes.map(({ at, ratio }) => ({
              xAxis: at,
              lineStyle: { color: colour('bad'), type: 'solid', width: 1.5 },
              label: {
                formatter: `${ratio > 1 ? '+' : '−'}${(100 * Math.abs(ratio - 1)).toFixed(1)} %`,
                ...wordStyle('bad'),
                position: 'end',
              },
            })),
          ],
        },
      },
    ],
  };
}

function sittingText(chart: LiveChart, { at, value, starts }: LiveChart['sittings'][number]): string {
  const many = starts === 1 ? '1 start' : `${starts} starts`;
  return `${minuteOf(at)} UTC: ${valueText(chart, value)}, ${many}`;
}

/** The sittings as numbers, in base units. */
export function controlData({ sittings, chart, changes }: LiveChart): PlotData {
  const beyond = new Set(chart?.beyond ?? []);
  const since = new Set(changes.map(({ at }) => at));
  return {
    head: ['at', 'value', 'starts', 'beyondLimits', 'levelChanges'],
    lines: sittings.map(({ at, value, starts }) => [at, value, starts, beyond.has(at), since.has(at)]),
  };
}
