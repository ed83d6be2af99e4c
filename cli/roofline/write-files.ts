import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { failed } from '../../core/errors.js';
import { builtFile } from '../../process/package.js';
import type { Analysis } from '../../roofline/analysis/analysis.js';
import {
  type ChartData,
  rooflineChart,
  type SweepMeasure,
  sweepChart,
} from '../../roofline/analysis/chart.js';
import type { PointField } from '../../roofline/analysis/point.js';
import { tryFile, usageError, workError } from '../exit.js';
import { say } from '../output/print.js';
import type { RooflineOutput } from './command.js';
import { rooflinePage } from './page.js';

const WIDTH = 960;
const HEIGHT = 600;

type RenderSvg = (chart: ChartData, width: number, height: number) => string;

/**
 * @returns a way to draw charts as SVG. The chart library comes with the built form alone.
 * @throws FailureError `internal` when it has not been built
 */
async function openDrawing(): Promise<(chart: ChartData) => string> {
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

const MEASURES: readonly SweepMeasure[] = ['tokens', 'time', 'memory'];

/** Writes the chart and the page that were asked for. @throws CommandError when a file cannot be written */
export async function writeFiles(
  analyses: readonly Analysis[],
  varying: readonly PointField[],
  { svg, html, chart }: RooflineOutput,
): Promise<void> {
  if (svg === null && html === null) return;
  const [first] = analyses;
  if (first === undefined) return;
  const draw = await openDrawing();
  if (svg !== null) write(svg, draw(chosen(analyses, varying, chart)));
  if (html === null) return;
  const overview = MEASURES.flatMap((measure) => {
    const data = sweepChart(analyses, varying, measure);
    return data === null ? [] : [draw(data)];
  });
  const title =
    analyses.length === 1 ? rooflineChart(first).title : `${analyses.length} points of the analytic model`;
  const rooflineOf = (analysis: Analysis) => draw(rooflineChart(analysis));
  write(html, rooflinePage({ title, analyses, varying, overview, rooflineOf }));
}

function chosen(
  analyses: readonly Analysis[],
  varying: readonly PointField[],
  kind: RooflineOutput['chart'],
): ChartData {
  const [first] = analyses;
  if (first === undefined) throw workError('there is nothing to draw');
  const wanted = kind ?? (analyses.length === 1 ? 'roofline' : 'tokens');
  if (wanted !== 'roofline') {
    const data = sweepChart(analyses, varying, wanted);
    if (data !== null) return data;
    throw usageError(
      `--chart ${wanted} needs a list of more than one value`,
      'Give --batch 1,2,4, say, or draw --chart roofline.',
    );
  }
  if (analyses.length > 1) say('the chart shows the roofline of the first point; --html shows those of more');
  return rooflineChart(first);
}

function write(path: string, text: string): void {
  tryFile(`cannot write ${path}`, () => writeFileSync(path, text), 'Name another file.');
  say(`written: ${path}`);
}
