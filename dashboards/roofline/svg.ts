import { LineChart, ScatterChart } from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  MarkPointComponent,
  TitleComponent,
} from 'echarts/components';
import * as echarts from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { SVGRenderer } from 'echarts/renderers';
import type { ChartData } from '../../roofline/analysis/chart.js';
import { rooflineOption } from './roofline-option.js';
import { sweepOption } from './sweep-option.js';

echarts.use([
  LineChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  MarkPointComponent,
  TitleComponent,
  LabelLayout,
  SVGRenderer,
]);

/**
 * Draws a chart as an SVG document, without a browser: `ridge roofline --svg` loads the built form of this
 * file.
 */
export function renderSvg(chart: ChartData, width: number, height: number): string {
  const drawn = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    drawn.setOption(chart.kind === 'roofline' ? rooflineOption(chart) : sweepOption(chart, width));
    return drawn.renderToSVGString();
  } finally {
    drawn.dispose();
  }
}
