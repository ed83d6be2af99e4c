import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { failed } from '../../core/errors.js';
import { builtFile } from '../../process/package.js';
import type { ChartData } from '../../roofline/analysis/chart.js';
import { tryFile } from '../exit.js';
import { say } from '../output/print.js';

/** Of a chart, in pixels. */
export interface DrawnSize {
  readonly width: number;
  readonly height: number;
}

const USUAL: DrawnSize = { width: 960, height: 600 };

/** Draws a chart as an SVG document. */
export type Draw = (chart: ChartData, size?: DrawnSize) => string;

type RenderSvg = (chart: ChartData, width: number, height: number) => string;

/**
 * @returns a way to draw charts as SVG. The chart library comes with the built form alone.
 * @throws FailureError `internal` when it has not been built
 */
export async function openDrawing(): Promise<Draw> {
  const path = builtFile('dashboards/roofline/svg.js');
  if (path === null) {
    throw failed(
      'internal',
      'The drawing of charts is missing from this installation.',
      'Run `npm run build`.',
    );
  }
  const { renderSvg } = (await import(pathToFileURL(path).href)) as { renderSvg: RenderSvg };
  return (chart, { width, height } = USUAL) => renderSvg(chart, width, height);
}

/** Writes a chart or a page, and says so. @throws CommandError when the file cannot be written */
export function writeDrawn(path: string, text: string): void {
  tryFile(`cannot write ${path}`, () => writeFileSync(path, text), 'Name another file.');
  say(`written: ${path}`);
}
