import type { Analysis } from '../../roofline/analysis/analysis.js';
import {
  type ChartData,
  rooflineChart,
  type SweepMeasure,
  sweepChart,
} from '../../roofline/analysis/chart.js';
import type { PointField } from '../../roofline/analysis/point.js';
import { usageError, workError } from '../exit.js';
import { say } from '../output/print.js';
import type { RooflineOutput } from './command.js';
import { openDrawing, writeDrawn } from './drawing.js';
import { rooflinePage } from './page.js';

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
  if (svg !== null) writeDrawn(svg, draw(chosen(analyses, varying, chart)));
  if (html === null) return;
  const overview = MEASURES.flatMap((measure) => {
    const data = sweepChart(analyses, varying, measure);
    return data === null ? [] : [draw(data)];
  });
  const title =
    analyses.length === 1 ? rooflineChart(first).title : `${analyses.length} points of the analytic model`;
  const rooflineOf = (analysis: Analysis) => draw(rooflineChart(analysis));
  writeDrawn(html, rooflinePage({ title, analyses, varying, overview, rooflineOf }));
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
