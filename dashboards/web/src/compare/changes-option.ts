import { briefVerdict, movedText } from '../../../../report/change-text.js';
import type { Change } from '../../../../report/compare.js';
import type { Option } from '../charts/chart.js';
import { axisStyle, colour, frameOf, itemTooltip, numberAxis } from '../charts/palette.js';

const COLOURS = { better: 'c5', worse: 'bad', same: 'quiet', unclear: 'quiet', missing: 'quiet' } as const;

/** Each pair's change with its 95 % interval, about the line of no change; B over A on a logarithmic axis. */
export function changesOption(changes: readonly Change[]): Option {
  const ratio = changes[0]?.kind !== 'difference';
  const still = ratio ? 1 : 0;
  const spans = changes.map(({ change, interval }) => interval ?? [change ?? still, change ?? still]);
  return {
    ...frameOf({ left: 8, right: 24, top: 8, bottom: 34 }),
    tooltip: itemTooltip(({ dataIndex }: { dataIndex: number }) => {
      const change = changes[dataIndex];
      if (change === undefined) return '';
      const [moved, interval] = movedText(change);
      return `${change.label}: ${moved}${interval === '' ? '' : ` (${interval})`}, ${briefVerdict(change)}`;
    }),
    xAxis: numberAxis((v: number) => `${ratio ? '×' : v > 0 ? '+' : ''}${Number(v.toPrecision(3))}`, {
      type: ratio ? 'log' : 'value',
      // A logarithm of base 2 has ticks where changes are.
      ...(ratio && { logBase: 2 }),
      scale: true,
      name: ratio ? 'B over A' : 'B less A',
      nameLocation: 'middle',
      nameGap: 24,
      min: ({ min }: { min: number }) => Math.min(min, ...spans.map(([low]) => low), ratio ? 0.8 : still),
      max: ({ max }: { max: number }) =>
        Math.max(max, ...spans.map(([, high]) => high), ratio ? 1.25 : still),
    }),
    yAxis: {
      ...axisStyle(),
      type: 'category',
      inverse: true,
      data: changes.map(({ label }) => label),
      axisLabel: { ...axisStyle().axisLabel, interval: 0, width: 220, overflow: 'truncate' },
    },
    series: [
      {
        type: 'custom',
        animation: false,
        silent: true,
        encode: { x: [1, 2], y: 0 },
        data: spans.map(([low, high], i) => [i, low, high]),
        renderItem: (_: unknown, api: Api) => {
          const [left, y] = api.coord([api.value(1), api.value(0)]);
          const [right] = api.coord([api.value(2), api.value(0)]);
          const stroke = colour(COLOURS[changes[api.value(0)]?.verdict ?? 'unclear']);
          return {
            type: 'line',
            shape: { x1: left, y1: y, x2: right, y2: y },
            style: { stroke, lineWidth: 1.75 },
          };
        },
      },
      {
        type: 'scatter',
        animation: false,
        symbolSize: 8,
        data: changes.map(({ change, verdict }, i) => ({
          value: [change ?? still, i],
          itemStyle: { color: colour(COLOURS[verdict]) },
        })),
        markLine: {
          silent: true,
          symbol: 'none',
          label: { show: false },
          lineStyle: { color: colour('ink'), type: 'solid', width: 1 },
          data: [{ xAxis: still }],
        },
      },
    ],
  };
}

interface Api {
  value(i: number): number;
  coord(point: readonly [number, number]): [number, number];
}
