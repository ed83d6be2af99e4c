import type { LlmViewerHardware } from './hardware.js';
import type { LlmViewerModel } from './model.js';
import { type Ask, ask, place, type Roof, type Row } from './row.js';
import { type Counting, checkSetting, isInt8, type LlmViewerSetting, type Stage } from './setting.js';

/** Sum, subtract, square, sum, divide, multiply, add. */
const NORM_OPERATIONS = 7;

/**
 * Norms, residual additions and the activation of a layer. An addition loads one of its operands; the
 * activation is as wide as the embedding, where it is as wide as the feed-forward block (issue 16 there).
 * Never divided over devices.
 */
function elementwise({ model, batch, queries, activationBytes }: Counting): Ask[] {
  const elements = batch * model.hidden * queries;
  const bytes = elements * activationBytes;
  const once = { loadActivation: bytes, storeActivation: bytes };
  return [
    ...model.norms.map((name) => ask(name, elements * NORM_OPERATIONS, once)),
    ask('attn_add', elements, once),
    ask('mlp_add', elements, once),
    ask('mlp_act', elements * 2, { loadActivation: bytes * 2, storeActivation: bytes }),
  ];
}

/** Steps of a softmax: maximum, subtract, exponentiate, sum, divide. */
const SOFTMAX_OPERATIONS = 5;

/** Attention of one layer; never divided over devices, and every query sees every token. */
function attention(counting: Counting, flash: boolean): Ask[] {
  return flash ? [fused(counting)] : separate(counting);
}

function separate(counting: Counting): Ask[] {
  const { stage, model, batch, queries, sequence, headLength, activationBytes, cacheBytes } = counting;
  const { heads, kvHeads } = model;
  const matrix = matrixOperations(counting);
  const scores = queries * sequence * batch * heads * activationBytes;
  const vectors = (count: number) => queries * headLength * batch * count * activationBytes;
  const loadCache = sequence * headLength * batch * kvHeads * cacheBytes;
  return [
    ask('qk_matmul', matrix, {
      // The queries of a prefill are counted by the key/value heads: LLM-Viewer's slip, kept.
      loadActivation: vectors(stage === 'prefill' ? kvHeads : heads),
      storeActivation: scores,
      loadCache,
    }),
    ask('sv_matmul', matrix, { loadActivation: scores, storeActivation: vectors(heads), loadCache }),
    ask('softmax', softmaxOperations(counting), { loadActivation: scores, storeActivation: scores }),
  ];
}

/**
 * Flash attention as one operator, after FlashAttention-2 (arXiv 2307.08691): blocks of rows, each of which
 * reads all K and V. Output is counted as wide as the scores (issue 26 there), which hides what flash
 * attention saves.
 */
function fused(counting: Counting): Ask {
  const { model, hardware, batch, queries, sequence, headLength, activationBytes, cacheBytes } = counting;
  const { heads, kvHeads } = model;
  const rows = Math.min(Math.ceil(hardware.onChipBytes / (cacheBytes * headLength)), headLength);
  const blocks = Math.ceil(queries / rows);
  return ask('fused_attention', 2 * matrixOperations(counting) + softmaxOperations(counting), {
    loadActivation: queries * headLength * batch * heads * activationBytes,
    storeActivation: queries * sequence * batch * heads * activationBytes * 2,
    loadCache: blocks * sequence * headLength * batch * kvHeads * cacheBytes * 2,
  });
}

function matrixOperations({ model, batch, queries, sequence, headLength }: Counting): number {
  return queries * sequence * headLength * model.heads * batch * 2;
}

function softmaxOperations({ model, batch, queries, sequence }: Counting): number {
  return batch * model.heads * sequence * queries * SOFTMAX_OPERATIONS;
}

/** Sums over the model, in LLM-Viewer's terms. Bytes, operations, seconds. */
export interface Totals extends Omit<Ask, 'name'>, Pick<Row, 'bytes' | 'seconds'> {
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
 * LLM-Viewer's `ModelAnalyzer.analyze`, number for number: a prefill of `sequence` tokens and one decode step
 * at that context. What it gets wrong is listed in docs/roofline.md and right in corrected mode.
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
  const held = { weights: sum('loadWeight'), kvCache: sum('storeCache') };
  return {
    roof,
    prefill: { ...prefill, totals: totals(prefill, model.layers, held) },
    decode: { ...decode, totals: totals(decode, model.layers, held) },
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

/**
 * The matrices of a layer. Their outputs (inputs, for the two that gather) are divided over the devices; OPT
 * gets a gate that it does not have, and nothing asks for biases.
 */
function linears(counting: Counting): Ask[] {
  const { hidden, intermediate, heads, kvHeads, gate } = counting.model;
  const share = (width: number) => Math.floor(width / counting.tensorParallel);
  const width = share(hidden);
  const kvWidth = share(Math.floor((hidden * kvHeads) / heads));
  const between = share(intermediate);
  return [
    linear(counting, 'q_proj', hidden, width),
    cached(counting, 'k_proj', hidden, kvWidth),
    cached(counting, 'v_proj', hidden, kvWidth),
    linear(counting, 'out_proj', width, hidden),
    ...(gate ? [linear(counting, 'gate_proj', hidden, between)] : []),
    linear(counting, 'up_proj', hidden, between),
    linear(counting, 'down_proj', between, hidden),
  ];
}

function linear(counting: Counting, name: string, inputs: number, outputs: number): Ask {
  const { batch, queries, weightBytes, activationBytes } = counting;
  return ask(name, inputs * outputs * batch * queries * 2, {
    loadWeight: inputs * outputs * weightBytes,
    loadActivation: inputs * batch * queries * activationBytes,
    storeActivation: outputs * batch * queries * activationBytes,
  });
}

/** K and V are stored to the cache, and nowhere else. */
function cached(counting: Counting, name: string, inputs: number, outputs: number): Ask {
  const { batch, queries, cacheBytes } = counting;
  return {
    ...linear(counting, name, inputs, outputs),
    storeActivation: 0,
    storeCache: outputs * batch * queries * cacheBytes,
  };
}

/**
 * The output matrix, whole on each device: without the two of a multiply and an add, and as if the batch
 * were 1.
 */
function head({ model, batch, weightBytes, activationBytes }: Counting): Ask {
  const { hidden, vocabulary } = model;
  return ask('lm_head', batch * hidden * vocabulary, {
    loadWeight: hidden * vocabulary * weightBytes,
    loadActivation: hidden * activationBytes,
    storeActivation: vocabulary * activationBytes,
  });
}
