import { attention } from './attention.js';
import { elementwise } from './elementwise.js';
import type { LlmViewerHardware } from './hardware.js';
import { head, linears } from './linears.js';
import type { LlmViewerModel } from './model.js';
import { place, type Roof, type Row } from './row.js';
import { type Counting, checkSetting, isInt8, type LlmViewerSetting, type Stage } from './setting.js';

/** Sums over the model, in LLM-Viewer's terms. Bytes, operations, seconds. */
export interface Totals {
  readonly operations: number;
  readonly bytes: number;
  readonly loadWeight: number;
  readonly loadActivation: number;
  readonly storeActivation: number;
  readonly loadCache: number;
  readonly storeCache: number;
  readonly seconds: number;
  /** Without embedding and output matrix; activations are all that one layer stores, dead or alive. */
  readonly memory: {
    readonly weights: number;
    readonly kvCache: number;
    readonly activations: number;
    readonly bytes: number;
  };
}

export interface StageAnalysis {
  /** Operators of one layer, then the output matrix, which is there once. */
  readonly layer: readonly Row[];
  readonly head: Row;
  readonly totals: Totals;
}

export interface LlmViewerAnalysis {
  readonly roof: Roof;
  readonly prefill: StageAnalysis;
  readonly decode: StageAnalysis;
}

type Summed = Exclude<keyof Totals, 'memory'>;
const SUMMED: readonly Summed[] = [
  'operations',
  'bytes',
  'loadWeight',
  'loadActivation',
  'storeActivation',
  'loadCache',
  'storeCache',
  'seconds',
];

/**
 * LLM-Viewer's `ModelAnalyzer.analyze`, number for number: a prefill of `sequence` tokens and one decode step at that context.
 * What it gets wrong is listed in docs/roofline.md and right in corrected mode.
 * @throws FailureError `impossible-combination` where LLM-Viewer stops, too
 */
export function analyzeAsLlmViewer(
  model: LlmViewerModel,
  hardware: LlmViewerHardware,
  setting: LlmViewerSetting,
): LlmViewerAnalysis {
  checkSetting(model, hardware, setting);
  const roof = {
    bytesPerSecond: hardware.bandwidthBytesPerSecond,
    operationsPerSecond: isInt8(setting) ? hardware.int8! : hardware.fp16,
  };
  const rowsOf = (stage: Stage) => rows(counting(stage, model, hardware, setting), setting, roof);
  const prefill = rowsOf('prefill');
  const decode = rowsOf('decode');
  // Both stages hold the cache that the prefill stored.
  const sum = (name: Summed) => model.layers * sumOf(prefill.layer, name);
  const kept = { weights: sum('loadWeight'), kvCache: sum('storeCache') };
  return {
    roof,
    prefill: { ...prefill, totals: totals(prefill, model.layers, kept) },
    decode: { ...decode, totals: totals(decode, model.layers, kept) },
  };
}

function counting(
  stage: Stage,
  model: LlmViewerModel,
  hardware: LlmViewerHardware,
  setting: LlmViewerSetting,
): Counting {
  const { batch, sequence, tensorParallel } = setting;
  return {
    stage,
    model,
    hardware,
    batch,
    queries: stage === 'prefill' ? sequence : 1,
    sequence,
    headLength: Math.floor(model.hidden / model.heads),
    weightBytes: setting.weightBits / 8,
    activationBytes: setting.activationBits / 8,
    cacheBytes: setting.cacheBits / 8,
    tensorParallel,
  };
}

function rows(count: Counting, { flashAttention }: LlmViewerSetting, roof: Roof) {
  const layer = [...linears(count), ...attention(count, flashAttention), ...elementwise(count)];
  return { layer: layer.map((asked) => place(asked, roof)), head: place(head(count), roof) };
}

const sumOf = (layer: readonly Row[], name: Summed) => layer.reduce((sum, row) => sum + row[name], 0);

function totals(
  { layer, head: last }: { layer: readonly Row[]; head: Row },
  layers: number,
  { weights, kvCache }: { weights: number; kvCache: number },
): Totals {
  const activations = sumOf(layer, 'storeActivation');
  const sums = Object.fromEntries(
    SUMMED.map((name) => [name, layers * sumOf(layer, name) + last[name]]),
  ) as Record<Summed, number>;
  return { ...sums, memory: { weights, kvCache, activations, bytes: weights + kvCache + activations } };
}
