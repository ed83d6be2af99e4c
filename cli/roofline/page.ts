import { formatPercent, formatValue, NO_VALUE } from '../../core/metrics/format.js';
import type { Analysis, PhaseAnalysis } from '../../roofline/analysis/analysis.js';
import type { PointField } from '../../roofline/analysis/point.js';
import { bandText, PREDICTED_COLUMNS, predictedCells, roofText, settingText, sourceNotes } from './table.js';

/** Points that are shown in full; of more, the table alone. */
const IN_FULL = 12;

const STYLE = `
body { font: 14px/1.5 system-ui, -apple-system, Roboto, sans-serif; color: #1c2126; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .25rem; } h3 { font-size: 1rem; margin-bottom: .25rem; }
p { margin: .25rem 0; color: #5b6570; } svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid #e6e9ec; white-space: nowrap; }
th { font-weight: 600; border-color: #9aa4ae; } th.t, td.t { text-align: left; }
.wide { overflow-x: auto; }
`;

/** A page without scripts: charts are drawn already, and nothing is fetched. */
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
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} · Ridgepoint</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
${several ? `${overview.join('\n')}\n${pointsTable(analyses, varying)}` : ''}
${full.map((analysis) => section(analysis, rooflineOf(analysis))).join('\n')}
${more > 0 ? `<p>${more} more points are in the table alone.</p>` : ''}
</body>
</html>
`;
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
  return `<h3>${name}</h3>\n<p>${total}</p>\n${table(columns, rows, [0, 1, 6])}`;
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
  return table(head, rows, [...varying.keys()]);
}

/** @param texts columns that hold words. */
function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  texts: readonly number[],
): string {
  const line = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell, i) => `<${tag}${texts.includes(i) ? ' class="t"' : ''}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return `<div class="wide"><table>\n<thead>${line(head, 'th')}</thead>\n<tbody>\n${rows.map((row) => line(row, 'td')).join('\n')}\n</tbody>\n</table></div>`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
