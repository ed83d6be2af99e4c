import * as echarts from 'echarts/core';
import { dataUrlToBlob, svgToPng } from '../save.js';
import type { Chart } from './chart.js';
import { colour } from './palette.js';

/** What is drawn now, as files of its own. */
export interface Picture {
  svg(): Blob;
  /** At twice its size. */
  png(): Promise<Blob>;
}

/** @returns the picture of something drawn: a chart, or an SVG of the page. */
export function pictureOf(drawn: Chart | SVGSVGElement): Picture {
  return drawn instanceof SVGSVGElement ? ofPage(drawn) : ofChart(drawn);
}

function ofChart(chart: Chart): Picture {
  const [width, height] = [chart.getWidth(), chart.getHeight()];
  if (chart.getZr().painter.getType() === 'svg') return ofText(chart.renderToSVGString(), width, height);
  return {
    svg() {
      const again = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
      again.setOption(chart.getOption());
      const text = again.renderToSVGString();
      again.dispose();
      return svgFile(text);
    },
    png() {
      const url = chart.getDataURL({ type: 'png', pixelRatio: 2, backgroundColor: colour('paper') });
      return Promise.resolve(dataUrlToBlob(url));
    },
  };
}

/** What the page's style gives elements, which a file does not have. */
const STYLED = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'opacity',
  'paint-order',
  'text-anchor',
  'font-family',
  'font-size',
  'font-weight',
] as const;

function ofPage(drawn: SVGSVGElement): Picture {
  const copy = drawn.cloneNode(true) as SVGSVGElement;
  const originals = drawn.querySelectorAll<SVGElement>('*');
  for (const [i, element] of copy.querySelectorAll<SVGElement>('*').entries()) {
    const style = getComputedStyle(originals[i]!);
    for (const name of STYLED) element.style.setProperty(name, style.getPropertyValue(name));
  }
  const { width, height } = drawn.getBoundingClientRect();
  return ofText(new XMLSerializer().serializeToString(copy), width, height);
}

function ofText(text: string, width: number, height: number): Picture {
  return {
    svg: () => svgFile(text),
    png: () => svgToPng(text, width, height, colour('paper')),
  };
}

/** With the page's paper behind it, for who looks at it on another one. */
function svgFile(text: string): Blob {
  const paper = `<rect width="100%" height="100%" fill="${colour('paper')}"/>`;
  return new Blob([text.replace(/<svg[^>]*>/, (head) => head + paper)], { type: 'image/svg+xml' });
}
