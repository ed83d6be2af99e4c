import { formatPercent, formatValue, NO_VALUE } from '../../core/metrics/format.js';
import type {
  Analysis,
  PhaseAnalysis,
  RoofLines,
  SpeculativeAnalysis,
} from '../../roofline/analysis/analysis.js';
import type { AnalysisPoint, PointField } from '../../roofline/analysis/point.js';
import type { PredictedOperator, PredictionSource } from '../../roofline/analysis/prediction.js';
import { BAND_90 } from '../../roofline/step/calls-time.js';
import type { PredictedTime } from '../../roofline/step/predict-stages.js';
import { plainTable } from '../output/plain-table.js';

/** `1.23 G`: a bare number with its prefix. */
const count = (value: number | null) => formatValue(value, 'parameters');
const intensityText = (value: number | null) =>
  value === null ? NO_VALUE : value >= 100 ? value.toFixed(0) : value.toPrecision(3);

/** One point in full: what it stands under, every operator of both phases, totals. */
export function pointText(analysis: Analysis): string {
  const { point, devices, prefill, decode, memory, prediction, speculative, generateSeconds, notes } =
    analysis;
  const { batch, context, promptTokens, decodes } = point;
  const prompt = promptTokens ?? context;
  const lines = [
    `${point.model} on ${roofText(analysis.roof)}`,
    `${point.mode}: batch ${batch}, context ${context}, ${settingText(point)}`,
    ...(devices === 1 ? [] : [`on ${devices} devices; operators and memory are those of one in each stage`]),
    '',
    `prefill of ${prompt} tokens${batch === 1 ? '' : ` × ${batch}`}${decodes === 0 ? '' : `, with ${decodes} decoding`}`,
    phaseTable(prefill, prediction),
    totals(prefill, batch * prompt + decodes),
    ...predictedLines(prefill, prediction),
    '',
    `decode step at ${context} tokens${batch === 1 ? '' : ` × ${batch}`}`,
    phaseTable(decode, prediction),
    totals(decode, batch * point.tokensPerStep),
    ...predictedLines(decode, prediction),
    '',
    memoryLine(memory),
  ];
  if (prediction !== null && prediction.cacheBytes !== null)
    lines.push(
      `under ${prediction.engine}: ${formatValue(prediction.cacheBytes, 'B')} a device for the cache, room for ${prediction.residentSequences} sequence${prediction.residentSequences === 1 ? '' : 's'} of ${context} tokens`,
    );
  if (speculative !== null) lines.push(speculativeLine(point, speculative));
  if (generateSeconds !== null) {
    const each = formatValue((batch * point.generateTokens) / generateSeconds, 'tokens/s');
    lines.push(
      `generation: ${formatValue(generateSeconds, 's')} for ${point.generateTokens} tokens with their prefill, ${each}`,
    );
  }
  return [...lines, ...[...notes, ...sourceNotes(prediction)].map((note) => `note: ${note}`)].join('\n');
}

/** `12.1 ms to 15.3 ms`: nine of ten measured times are believed to lie in it. */
export function bandText({ seconds, spread }: Pick<PredictedTime, 'seconds' | 'spread'>): string {
  const ratio = Math.exp(BAND_90 * spread);
  return `${formatValue(seconds / ratio, 's')} to ${formatValue(seconds * ratio, 's')}`;
}

function predictedLines({ predicted }: PhaseAnalysis, prediction: PredictionSource | null): string[] {
  if (prediction === null) return [];
  if (predicted === null) return ['predicted: not as a whole, for some of its kernels have no table'];
  return [
    `predicted: ${formatValue(predicted.seconds, 's')}, 90 % band ${bandText(predicted)}, by ${prediction.source}`,
  ];
}

/** What predictions of a point rest on, and what they lack. */
export function sourceNotes(prediction: PredictionSource | null): string[] {
  if (prediction === null) return [];
  const { engine, source, reachable, widened, untimed } = prediction;
  return [
    `predicted times are of ${engine} and follow from ${source}; reachable is what they reach at best, ${formatValue(reachable.memoryBytesPerSecond, 'B')}/s of memory`,
    ...widened.map((reason) => `less sure: ${reason}`),
    ...untimed.map((reason) => `without a prediction: ${reason}`),
  ];
}

/** How a point is run: what differs from a plain model on one device. */
export function settingText(point: AnalysisPoint): string {
  const { bits, flashAttention, tokensPerStep, kvCacheTypeK, kvCacheTypeV } = point;
  return [
    bits === 'native' ? 'bits as the model has them' : bits,
    ...(kvCacheTypeK === null && kvCacheTypeV === null
      ? []
      : [`cache ${kvCacheTypeK ?? 'as bits'}/${kvCacheTypeV ?? 'as bits'}`]),
    ...(point.sparsity === 'none' ? [] : [`weights ${point.sparsity}`]),
    ...(point.attention === 'base' ? [] : [`attention ${point.attention}`]),
    ...(point.engine === null ? [] : [`under ${point.engine}`]),
    flashAttention ? 'flash attention' : 'attention unfused',
    ...(point.adapterRank === 0 ? [] : [`${point.adapters} of rank ${point.adapterRank} beside the weights`]),
    ...devicesText(point),
    ...(point.offload === 0 ? [] : [`${formatPercent(point.offload)} of the layers with the host`]),
    ...(tokensPerStep === 1 ? [] : [`${tokensPerStep} tokens a step`]),
  ].join(', ');
}

function devicesText(point: AnalysisPoint): string[] {
  const { tensorParallel, pipelineParallel, microBatches, expertParallel } = point;
  return [
    ...(tensorParallel === 1 ? [] : [`matrices shared by ${tensorParallel}`]),
    ...(pipelineParallel === 1 ? [] : [`${pipelineParallel} stages`]),
    ...(microBatches === 1 ? [] : [`${microBatches} micro-batches`]),
    ...(expertParallel === 1 ? [] : [`experts over ${expertParallel}`]),
  ];
}

/** `h100 (published): 3.35 TB/s, 990 TFLOP/s in f16, ridge point 295 FLOP/B`. */
export function roofText(roof: RoofLines): string {
  const whose = roof.origin === 'llm-viewer' ? "LLM-Viewer's table" : `${roof.origin} figures`;
  const compute =
    roof.flopsPerSecond === null
      ? 'no peak known'
      : `${count(roof.flopsPerSecond)}FLOP/s in ${roof.arithmetic}, ridge point ${intensityText(roof.ridgePoint)} FLOP/B`;
  return `${roof.name} (${whose}): ${formatValue(roof.memoryBytesPerSecond, 'B')}/s, ${compute}`;
}

/** What goes over links has columns where something does. */
function phaseTable({ rows, linkBytes }: PhaseAnalysis, prediction: PredictionSource | null): string {
  const sends = linkBytes > 0;
  const predicts = prediction !== null;
  return plainTable(
    [
      ...['operator', 'module', 'calls', 'FLOP', 'bytes', 'FLOP/B'],
      ...(sends ? ['link', 'link time'] : []),
      ...['bound', 'time', 'share'],
      ...(predicts ? PREDICTED_COLUMNS : []),
    ],
    rows.map((row) => [
      row.name,
      row.module,
      row.calls,
      count(row.flops),
      formatValue(row.bytes, 'B'),
      intensityText(row.intensity),
      ...(sends ? linkCells(row) : []),
      row.bound,
      formatValue(row.seconds, 's'),
      formatPercent(row.share),
      ...(predicts ? predictedCells(row.predicted) : []),
    ]),
  );
}

export const PREDICTED_COLUMNS = ['reachable', 'predicted', 'limit', '90 % band'];

export function predictedCells(predicted: PredictedOperator | null) {
  if (predicted === null) return [null, null, null, null];
  return [
    formatValue(predicted.reachableSeconds, 's'),
    formatValue(predicted.seconds, 's'),
    predicted.limit,
    bandText(predicted),
  ];
}

function linkCells({ linkBytes, linkSeconds }: Pick<PhaseAnalysis, 'linkBytes' | 'linkSeconds'>) {
  return linkBytes === 0 ? [null, null] : [formatValue(linkBytes, 'B'), formatValue(linkSeconds, 's')];
}

function totals(phase: PhaseAnalysis, tokens: number): string {
  const { flops, bytes, intensity, seconds, tokensPerSecond, memoryBoundShare } = phase;
  const { linkBytes, linkSeconds, idleShare } = phase;
  const rate = linkSeconds === null ? 'at an unknown rate' : `in ${formatValue(linkSeconds, 's')}`;
  const links = linkBytes === 0 ? '' : `, ${formatValue(linkBytes, 'B')} over links ${rate}`;
  const idle = idleShare === 0 ? '' : `, each stage idle for ${formatPercent(idleShare)}`;
  const each = formatValue(tokensPerSecond, 'tokens/s');
  return (
    `total: ${count(flops)}FLOP, ${formatValue(bytes, 'B')}, ${intensityText(intensity)} FLOP/B, ` +
    `${formatValue(seconds, 's')} for ${tokens} token${tokens === 1 ? '' : 's'} (${each}), ` +
    `${formatPercent(memoryBoundShare)} of the time bound by memory${links}${idle}`
  );
}

function memoryLine(memory: Analysis['memory']): string {
  const { weights, kvCache, activations, activationsAt, bytes, fits } = memory;
  const size = (value: number) => formatValue(value, 'B');
  const most = activationsAt === null ? '' : ` (most at ${activationsAt})`;
  const room = fits === null ? '' : fits ? '; it fits' : '; it does not fit';
  return `memory: ${size(bytes)} = weights ${size(weights)} + KV cache ${size(kvCache)} + activations ${size(activations)}${most}${room}`;
}

function speculativeLine(
  { draft, draftTokens, acceptance }: AnalysisPoint,
  found: SpeculativeAnalysis,
): string {
  const { draftSeconds, verifySeconds, expectedTokens, tokensPerSecond, speedup } = found;
  return (
    `speculative: ${draft} proposes ${draftTokens} in ${formatValue(draftSeconds, 's')}, verified in ${formatValue(verifySeconds, 's')}; ` +
    `${expectedTokens.toFixed(2)} tokens a step at ${formatPercent(acceptance)} taken, ` +
    `${formatValue(tokensPerSecond, 'tokens/s')}, ${speedup.toFixed(2)} times decoding without it`
  );
}

/** A line for each point, with the fields that differ in front. */
export function pointsTable(analyses: readonly Analysis[], varying: readonly PointField[]): string {
  const generates = analyses.some(({ generateSeconds }) => generateSeconds !== null);
  const sends = analyses.some(({ prefill, decode }) => prefill.linkBytes + decode.linkBytes > 0);
  const several = analyses.some(({ devices }) => devices > 1);
  const predicts = analyses.some(({ prediction }) => prediction !== null);
  const drafts = analyses.some(({ speculative }) => speculative !== null);
  const head = [
    ...varying,
    ...(several ? ['devices'] : []),
    'prefill',
    'bound',
    'step',
    'bound',
    'decode',
    ...(sends ? ['prefill link', 'link time', 'step link', 'link time'] : []),
    'memory',
    'fits',
    ...(drafts ? ['speculative', 'speedup'] : []),
    ...(predicts ? ['predicted prefill', 'predicted step', '90 % band'] : []),
    ...(generates ? ['generation'] : []),
  ];
  const rows = analyses.map(({ point, devices, prefill, decode, memory, speculative, generateSeconds }) => [
    ...varying.map((field) => cell(point[field])),
    ...(several ? [devices] : []),
    formatValue(prefill.seconds, 's'),
    prefill.bound,
    formatValue(decode.seconds, 's'),
    decode.bound,
    formatValue(decode.tokensPerSecond, 'tokens/s'),
    ...(sends ? [...linkCells(prefill), ...linkCells(decode)] : []),
    formatValue(memory.bytes, 'B'),
    memory.fits === null ? null : memory.fits ? 'yes' : 'no',
    ...(drafts
      ? [
          formatValue(speculative?.tokensPerSecond ?? null, 'tokens/s'),
          speculative === null ? null : `${speculative.speedup.toFixed(2)}×`,
        ]
      : []),
    ...(predicts
      ? [
          formatValue(prefill.predicted?.seconds ?? null, 's'),
          formatValue(decode.predicted?.seconds ?? null, 's'),
          decode.predicted === null ? null : bandText(decode.predicted),
        ]
      : []),
    ...(generates ? [formatValue(generateSeconds, 's')] : []),
  ]);
  const notes = [
    ...new Set(analyses.flatMap(({ notes: own, prediction }) => [...own, ...sourceNotes(prediction)])),
  ];
  return [plainTable(head, rows), ...notes.map((note) => `note: ${note}`)].join('\n');
}

const cell = (value: AnalysisPoint[PointField]) => (typeof value === 'boolean' ? String(value) : value);
