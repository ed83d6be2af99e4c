import { loadCurve } from '../../batching/load-curve.js';
import type { ServingAnswer } from '../../batching/serving-answer.js';
import { cacheChart, latencyChart, requestsChart } from '../../batching/serving-charts.js';
import type { ChartData } from '../../roofline/analysis/chart.js';
import { drawnTwice, escaped, htmlTable, plainPage } from '../output/plain-page.js';
import type { Draw } from '../roofline/drawing.js';
import type { LeftOut } from './points.js';
import type { Answered } from './simulate.js';
import { answersCells, bandText, figureRows, latencyRows } from './table.js';

const WIDE = { width: 960, height: 380 };
const NARROW = { width: 360, height: 300 };
/** Points that are shown in full; of more, the table alone. */
const IN_FULL = 8;

export interface SimulationPage {
  readonly of: string;
  readonly answered: readonly Answered[];
  readonly leftOut: readonly LeftOut[];
}

/** @returns a page: latencies over the load, queue and cache over time, and every number with its band. */
export function simulationPage({ of, answered, leftOut }: SimulationPage, draw: Draw): string {
  const several = answered.length > 1;
  const full = answered.slice(0, IN_FULL);
  const { head, rows } = answersCells(answered);
  const body = [
    `<p>Simulated, and nothing of it measured. ${escaped(bandText(answered.map(({ answer }) => answer)))}</p>`,
    several ? htmlTable(head, rows, [0]) : '',
    ...full.map((one) => section(one, several, draw)),
    answered.length > full.length
      ? `<p>${answered.length - full.length} more are in the table alone.</p>`
      : '',
    leftOut.length === 0
      ? ''
      : `<h2>Left out</h2>${htmlTable(['load', 'why'], leftOutRows(leftOut), [0, 1])}`,
  ];
  return plainPage(`${of}, simulated`, body.join('\n'));
}

const leftOutRows = (leftOut: readonly LeftOut[]) => leftOut.map(({ label, reason }) => [label, reason]);

function section({ label, answer, run, point }: Answered, several: boolean, draw: Draw): string {
  const chart = (data: ChartData) => drawnTwice(draw(data, WIDE), draw(data, NARROW));
  const { cacheTokens, replicas } = point.predicted.server;
  const curve = several ? null : loadCurve(point, answer);
  const overLoad =
    curve === null
      ? ''
      : `<h2>Over the load</h2>
<p>The same lengths at other loads, with bands shaded; where one has no end, up to the top.</p>
${chart(
  latencyChart(curve, 'time to the first token', [
    ['ttft', 'p50', 'TTFT p50'],
    ['ttft', 'p95', 'TTFT p95'],
  ]),
)}
${chart(
  latencyChart(curve, 'time per output token', [
    ['tpot', 'p50', 'TPOT p50'],
    ['tpot', 'p95', 'TPOT p95'],
  ]),
)}`;
  return `${several ? `<h2>${escaped(label)}</h2>` : ''}
<p>${escaped(answer.load)}</p>
<p>${escaped(serverText(answer))}</p>
${htmlTable(...latencyRows(answer), [0])}
${overLoad}
<h2>Over time</h2>
${chart(requestsChart(run))}
${chart(cacheChart(run, cacheTokens * replicas))}
${htmlTable(['', 'predicted', '90 % band'], figureRows(answer), [0])}`;
}

const serverText = ({ devices, source, server, widened }: ServingAnswer) =>
  [`On ${devices} device${devices === 1 ? '' : 's'} by ${source}: ${server}`, ...widened].join('; ');
