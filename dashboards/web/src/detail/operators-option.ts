import type { ProfiledOperator } from '../../../../core/result/profile-record.js';
import { quantity, tick } from '../../../../report/scale.js';
import type { Option } from '../charts/chart.js';
import { axisStyle, colour, FONT, frameOf, itemTooltip, numberAxis, series } from '../charts/palette.js';

/** Bars that can be read at the width of the panel; the rest is one bar. */
const MOST_BARS = 14;

/** One operator, or the rest together. */
export interface Bar {
  readonly name: string;
  readonly module: string | null;
  readonly calls: number;
  readonly seconds: number;
}

/** @returns operators by time, the longest first; what is beyond the last bar is added up in it. */
export function barsOf(operators: readonly ProfiledOperator[]): Bar[] {
  const sorted = [...operators].sort((a, b) => b.seconds - a.seconds);
  const bars = sorted.map(
    ({ operator, module, calls, seconds }): Bar => ({ name: operator, module, calls, seconds }),
  );
  if (bars.length <= MOST_BARS) return bars;
  const rest = bars.slice(MOST_BARS - 1);
  const total = rest.reduce(
    (sum, bar) => ({ calls: sum.calls + bar.calls, seconds: sum.seconds + bar.seconds }),
    { calls: 0, seconds: 0 },
  );
  return [...bars.slice(0, MOST_BARS - 1), { name: `${rest.length} others`, module: null, ...total }];
}

/** Where the time of a phase went, operator by operator, in the colours of their modules. */
export function operatorsOption(bars: readonly Bar[], modules: readonly string[], total: number): Option {
  return {
    ...frameOf({ left: 8, right: 64, top: 6, bottom: 24 }),
    tooltip: itemTooltip(({ dataIndex }: { dataIndex: number }) => {
      const bar = bars[dataIndex];
      if (bar === undefined) return '';
      const module = bar.module === null ? '' : ` (${bar.module})`;
      return `${bar.name}${module}: ${quantity(bar.seconds, 's')} in ${bar.calls} calls, ${quantity(bar.seconds / bar.calls, 's')} each`;
    }),
    xAxis: numberAxis((v: number) => tick(v, 's')),
    yAxis: {
      ...axisStyle(),
      type: 'category',
      inverse: true,
      data: bars.map(({ name }) => name),
      axisLabel: { ...axisStyle().axisLabel, interval: 0 },
    },
    series: [
      {
        type: 'bar',
        animation: false,
        barCategoryGap: '28%',
        data: bars.map((bar) => ({
          value: bar.seconds,
          itemStyle: { color: bar.module === null ? colour('line') : series(modules.indexOf(bar.module)) },
        })),
        label: {
          show: true,
          position: 'right',
          color: colour('quiet'),
          fontFamily: FONT,
          fontSize: 10.5,
          formatter: ({ dataIndex }: { dataIndex: number }) =>
            `${((100 * (bars[dataIndex]?.seconds ?? 0)) / total).toFixed(1)} %`,
        },
      },
    ],
  };
}
