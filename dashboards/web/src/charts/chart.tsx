import { BoxplotChart, LineChart, ScatterChart } from 'echarts/charts';
import {
  DataZoomInsideComponent,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  TooltipComponent,
} from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'preact/hooks';
import { svgToPng } from '../save.js';
import { colour } from './palette.js';

echarts.use([
  BoxplotChart,
  LineChart,
  ScatterChart,
  DataZoomInsideComponent,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  TooltipComponent,
  SVGRenderer,
]);

export type Chart = echarts.ECharts;
export type Option = echarts.EChartsCoreOption;

interface ChartProps {
  readonly option: Option;
  readonly label: string;
  readonly height: number;
  /** Called once with the chart, to listen to it. */
  onReady?(chart: Chart): void;
}

/** One chart that follows its option and its size. */
export function ChartView({ option, label, height, onReady }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  useEffect(() => {
    if (place.current === null) return;
    const made = echarts.init(place.current, null, { renderer: 'svg' });
    chart.current = made;
    onReady?.(made);
    const watch = new ResizeObserver(() => made.resize());
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    chart.current?.setOption(option, { notMerge: true });
  }, [option]);
  return <div class="chart" ref={place} role="img" aria-label={label} style={{ height: `${height}px` }} />;
}

/** @returns the chart as it is on screen, as PNG. */
export function chartPng(chart: Chart): Promise<Blob> {
  return svgToPng(chart.renderToSVGString(), chart.getWidth(), chart.getHeight(), colour('paper'));
}
