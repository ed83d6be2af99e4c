import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { failed } from '../../core/errors.js';
import { builtFile } from '../../process/package.js';
import type { ChartData } from '../../roofline/analysis/chart.js';
import { tryFile } from '../exit.js';
import { say } from '../output/print.js';

const WIDTH = 960;
const HEIGHT = 600;

type RenderSvg = (chart: ChartData, width: number, height: number) => string;

/**
 * @returns a way to draw charts as SVG. The chart library comes with the built form alone.
 * @throws FailureError `internal` when it has not been built
 */
export async function openDrawing(): Promise<(chart: ChartData) => string> {
  const path = builtFile('dashboards/roofline/svg.js');
  if (path === null) {
    throw failed(
      'internal',
      'The drawing of charts is missing from this installation.',
      'Run `npm run build`.',
    );
  }
  const { renderSvg } = (await import(pathToFileURL(path).href)) as { renderSvg: RenderSvg };
  return (chart) => renderSvg(chart, WIDTH, HEIGHT);
}

/** Writes a chart or a page, and says so. @throws CommandError when the file cannot be written */
export function writeDrawn(path: string, text: string): void {
  tryFile(`cannot write ${path}`, () => writeFileSync(path, text), 'Name another file.');
  say(`written: ${path}`);
}
