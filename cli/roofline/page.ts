import { formatPercent, formatValue, NO_VALUE } from '../../core/metrics/format.js';
import type { Analysis, PhaseAnalysis } from '../../roofline/analysis/analysis.js';
import type { PointField } from '../../roofline/analysis/point.js';
import { escaped, htmlTable, plainPage } from '../output/plain-page.js';
import { bandText, PREDICTED_COLUMNS, predictedCells, roofText, settingText, sourceNotes } from './table.js';

/** Points that are shown in full; of more, the table alone. */
const IN_FULL = 12;

/** What the page shows; its charts are drawn already. */
export interface PageContent {
  readonly title: string;
  readonly analyses: readonly Analysis[];
  readonly varying: readonly PointField[];
  /** SVG documents over all points. */
  readonly overview: readonly string[];
  /** The roofline of a point, as an SVG document. */
  rooflineOf(analysis: Analysis): string;
}

export function rooflinePage({ title, analyses, varying, overview, rooflineOf }: PageContent): string {
  const several = analyses.length > 1;
  const full = analyses.slice(0, IN_FULL);
  const more = analyses.length - full.length;
  const body = `${several ? `${overview.join('\n')}\n${pointsTable(analyses, varying)}` : ''}
${full.map((analysis) => section(analysis, rooflineOf(analysis))).join('\n')}
${more > 0 ? `<p>${more} more points are in the table alone.</p>` : ''}`;
  return plainPage(title, body);
}

function section(analysis: Analysis, chart: string): string {
  const { point, roof, devices, prefill, decode, memory, prediction, notes } = analysis;
  const size = (bytes: number) => formatValue(bytes, 'B');
  return `<h2>${escaped(point.model)} on ${escaped(roof.name)}</h2>
<p>${escaped(roofText(roof))}</p>
<p>${escaped(`${point.mode}: batch ${point.batch}, context ${point.context}, ${settingText(point)}; devices: ${devices}`)}</p>
<p>memory ${size(memory.bytes)}: weights ${size(memory.weights)}, KV cache ${size(memory.kvCache)}, activations ${size(memory.activations)}</p>
${[...notes, ...sourceNotes(prediction)].map((note) => `<p>${escaped(note)}</p>`).join('\n')}
${chart}
${phaseSection('Prefill', prefill)}
${phaseSection('Decode step', decode)}`;
}

function phaseSection(name: string, phase: PhaseAnalysis): string {
  const { predicted } = phase;
  const expected =
    predicted === null
      ? ''
      : `; predicted ${formatValue(predicted.seconds, 's')}, 90 % band ${bandText(predicted)}`;
  const total = `${formatValue(phase.seconds, 's')}, ${formatValue(phase.tokensPerSecond, 'tokens/s')}, ${formatPercent(phase.memoryBoundShare)} of the time bound by memory${expected}`;
  const head = ['operator', 'module', 'calls', 'FLOP', 'bytes', 'FLOP/B', 'bound', 'time', 'share'];
  const sends = phase.linkBytes > 0;
  const predicts = phase.rows.some((row) => row.predicted !== null);
  const rows = phase.rows.map((row) => [
    row.name,
    row.module,
    String(row.calls),
    formatValue(row.flops, 'parameters'),
    formatValue(row.bytes, 'B'),
    formatValue(row.intensity, 'parameters'),
    row.bound,
    formatValue(row.seconds, 's'),
    formatPercent(row.share),
    ...(sends ? [formatValue(row.linkBytes, 'B'), formatValue(row.linkSeconds, 's')] : []),
    ...(predicts ? predictedCells(row.predicted).map((cell) => cell ?? NO_VALUE) : []),
  ]);
  const columns = [...head, ...(sends ? ['link', 'link time'] : []), ...(predicts ? PREDICTED_COLUMNS : [])];
  return `<h3>${name}</h3>\n<p>${total}</p>\n${htmlTable(columns, rows, [0, 1, 6])}`;
}

function pointsTable(analyses: readonly Analysis[], varying: readonly PointField[]): string {
  const head = [...varying, 'prefill', 'bound', 'decode step', 'bound', 'decode', 'memory'];
  const rows = analyses.map(({ point, prefill, decode, memory }) => [
    ...varying.map((field) => String(point[field] ?? 'all')),
    formatValue(prefill.seconds, 's'),
    prefill.bound,
    formatValue(decode.seconds, 's'),
    decode.bound,
    formatValue(decode.tokensPerSecond, 'tokens/s'),
    formatValue(memory.bytes, 'B'),
  ]);
  return htmlTable(head, rows, [...varying.keys()]);
}
