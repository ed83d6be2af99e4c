import { BarChart, BoxplotChart, CustomChart, LineChart, ScatterChart } from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
} from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers';
import { createContext, type RefObject } from 'preact';
import { useContext, useEffect, useRef } from 'preact/hooks';

echarts.use([
  BarChart,
  BoxplotChart,
  CustomChart,
  LineChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  CanvasRenderer,
  SVGRenderer,
]);

export type Chart = echarts.ECharts;
export type Option = echarts.EChartsCoreOption;

/** More rows than this are drawn on a canvas: each element of an SVG costs the browser a node. */
const SVG_ROWS = 1000;

/** @returns how a chart of a report with so many rows is drawn. */
export function rendererFor(rows: number): 'svg' | 'canvas' {
  return rows > SVG_ROWS ? 'canvas' : 'svg';
}

interface ChartProps {
  readonly option: Option;
  readonly label: string;
  readonly height: number;
  /** Of the first drawing; a chart keeps it. */
  readonly renderer?: 'svg' | 'canvas';
  /** Called once with the chart, to listen to it. */
  onReady?(chart: Chart): void;
  /** Called after each drawing and each change of size. */
  onDrawn?(chart: Chart): void;
}

/** What a frame has of the chart in it, as long as that is there; null = no frame is around it. */
export const FramedChart = createContext<RefObject<Chart | null> | null>(null);

export function useFramedChart(): RefObject<Chart | null> {
  const own = useRef<Chart | null>(null);
  return useContext(FramedChart) ?? own;
}

/** One chart that follows its option and its size. */
export function ChartView(props: ChartProps) {
  const { option, label, height, renderer = 'svg', onReady, onDrawn } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useFramedChart();
  const drawn = useRef(onDrawn);
  drawn.current = onDrawn;
  useEffect(() => {
    if (place.current === null) return;
    const made = echarts.init(place.current, null, { renderer });
    chart.current = made;
    onReady?.(made);
    const watch = new ResizeObserver(() => {
      made.resize();
      drawn.current?.(made);
    });
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    if (chart.current === null) return;
    chart.current.setOption(option, { notMerge: true });
    drawn.current?.(chart.current);
  }, [option]);
  return <div class="chart" ref={place} role="img" aria-label={label} style={{ height: `${height}px` }} />;
}
