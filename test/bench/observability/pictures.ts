import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { BarChart, LineChart, ScatterChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { queriesOf } from '../../../dashboards/grafana/lint.js';
import { LINE } from '../../../dashboards/grafana/scatter.js';
import { tick } from '../../../report/scale.js';
import { pointsOf, type Shown } from '../../support/grafana/ask.js';
import type { Series } from '../../support/grafana/frames.js';

echarts.use([BarChart, LineChart, ScatterChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

const WIDTH = 620;
const HEIGHT = 340;
/** Panels that are drawn, by title, from left to right. */
const DRAWN = [
  'Points on the roofs of their nodes',
  'Speed and perplexity, by quantization',
  'Points over time',
  'Power by the counter',
  'Decoding: percent of roof',
  'Warnings that made trials invalid',
];

/** What panels show, as one SVG: the answers to their queries, drawn by us and not by a Grafana. */
export function drawPanels(shown: readonly Shown[]): string {
  const drawn = DRAWN.flatMap((title) => shown.find(({ panel }) => panel.title === title) ?? []);
  const tiles = drawn.map((one, i) => {
    const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
    chart.setOption({ animation: false, backgroundColor: '#fff', ...optionOf(one) });
    const svg = chart.renderToSVGString().replaceAll('zr', `p${i}zr`);
    chart.dispose();
    return svg.replace('<svg', `<svg x="${(i % 2) * WIDTH}" y="${Math.floor(i / 2) * HEIGHT}"`);
  });
  const height = Math.ceil(drawn.length / 2) * HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * WIDTH}" height="${height}" viewBox="0 0 ${2 * WIDTH} ${height}">\n${tiles.join('\n')}\n</svg>\n`;
}

function optionOf({ panel, answers, frames }: Shown): object {
  const base = {
    title: { text: panel.title, left: 12, top: 8, textStyle: { fontSize: 14 } },
    legend: { type: 'plain', bottom: 4, textStyle: { fontSize: 10 }, itemHeight: 8 },
    grid: { left: 20, right: 30, top: 56, bottom: 60, outerBoundsMode: 'same' },
  };
  const lines = queriesOf(panel).flatMap(({ legendFormat }, i) =>
    (answers[i] ?? []).map((series) => ({ name: legendOf(legendFormat ?? '', series), series })),
  );
  if (panel.type === 'xychart') return { ...base, ...scatterOption(panel, frames) };
  if (panel.type === 'bargauge') {
    return {
      ...base,
      xAxis: { ...valueAxis(panel.fieldConfig?.defaults.unit ?? ''), min: 0 },
      yAxis: {
        type: 'category',
        data: lines.map(({ name }) => name),
        axisLabel: { width: 200, overflow: 'truncate' },
      },
      series: [{ type: 'bar', data: lines.map(({ series }) => series.values.at(-1)?.[1] ?? null) }],
    };
  }
  return {
    ...base,
    xAxis: { type: 'time' },
    yAxis: valueAxis(panel.fieldConfig?.defaults.unit ?? ''),
    series: lines.map(({ name, series }) => ({
      type: 'line',
      name,
      symbol: 'none',
      ...(panel.fieldConfig?.defaults.custom?.stacking?.mode === 'normal' && { stack: 'all', areaStyle: {} }),
      data: series.values.map(([time, value]) => [time * 1000, value]),
    })),
  };
}

function scatterOption(panel: Panel, frames: Shown['frames']): object {
  const [x, y] = frames[0]?.fields.slice(1).map(({ name }) => name) ?? [];
  const axis = (name = '') => {
    const set =
      panel.fieldConfig?.overrides.find(({ matcher }) => matcher.options === name)?.properties ?? [];
    const of = (id: string) => set.find((one) => one.id === id)?.value;
    const log = of('custom.scaleDistribution')?.type === 'log';
    return { ...valueAxis(String(of('unit') ?? '')), type: log ? 'log' : 'value', name };
  };
  return {
    xAxis: { ...axis(x), nameLocation: 'middle', nameGap: 24 },
    yAxis: axis(y),
    series: frames.map((frame) => {
      const line = frame.name.startsWith(LINE);
      return {
        type: line ? 'line' : 'scatter',
        name: frame.name,
        symbolSize: line ? 0 : 9,
        data: pointsOf(frame),
      };
    }),
  };
}

function valueAxis(unit: string): object {
  return { type: 'value', scale: true, axisLabel: { formatter: (value: number) => labelOf(value, unit) } };
}

/** Units that our own scale knows; the rest is a number. */
function labelOf(value: number, unit: string): string {
  if (unit === 'percentunit') return `${Number((100 * value).toPrecision(3))} %`;
  const ours = { s: 's', watt: 'W', joule: 'J', decbytes: 'B', flops: 'FLOP/s', 'si:t/s': 'tokens/s' }[unit];
  return ours === undefined ? String(Number(value.toPrecision(3))) : tick(value, ours);
}

function legendOf(format: string, { labels }: Series): string {
  return format.replace(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? '');
}
