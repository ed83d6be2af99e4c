import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { Module } from '../../core/work/work.js';
import { type Analysis, type AnalysisRow, type PhaseAnalysis, summarize } from '../analysis/analysis.js';
import type { Bits } from '../analysis/bits.js';
import { impossible } from '../analysis/impossible.js';
import { type AnalysisPoint, POINT_DEFAULTS } from '../analysis/point.js';
import { analyzeAsLlmViewer, type LlmViewerAnalysis, type StageAnalysis } from './analyze.js';
import { type LlmViewerHardware, requireLlmViewerHardware } from './hardware.js';
import type { LlmViewerModel } from './model.js';
import type { Row } from './row.js';
import { isInt8, type LlmViewerSetting } from './setting.js';

const MODULE_OF: Readonly<Record<string, Module>> = {
  q_proj: 'qkv',
  k_proj: 'qkv',
  v_proj: 'qkv',
  out_proj: 'output',
  gate_proj: 'mlp',
  up_proj: 'mlp',
  down_proj: 'mlp',
  mlp_act: 'mlp',
  qk_matmul: 'attention',
  sv_matmul: 'attention',
  softmax: 'attention',
  fused_attention: 'attention',
  attn_norm: 'norm',
  mlp_norm: 'norm',
  attn_add: 'residual',
  mlp_add: 'residual',
  lm_head: 'lm-head',
};

/** What LLM-Viewer sees of a model, and what it does not see. */
interface LlmViewerView {
  readonly model: LlmViewerModel;
  readonly notes: readonly string[];
}

/**
 * @returns a model as LLM-Viewer's configs read it: OPT with a gate, GPT-J without and with one norm,
 *   anything else as a Llama.
 */
export function asLlmViewerModel(architecture: ModelArchitecture): LlmViewerView {
  const [first] = architecture.layers;
  if (first === undefined) throw impossible('the model has no layers', "Correct the model's config.");
  const { attention, feedForward } = first;
  const { family } = architecture;
  const gptj = family === 'gptj';
  const notes: string[] = [];
  if (feedForward.experts !== null)
    notes.push('LLM-Viewer has no experts: one of them is counted, as if it were the whole layer');
  if (attention.kind === 'latent')
    notes.push('LLM-Viewer has no latent attention: it is counted as one K and V for each head');
  if (attention.kind === 'gated-delta')
    notes.push('LLM-Viewer has no linear attention: it is counted as one K and V for each head');
  if (architecture.layers.length > 1)
    notes.push('LLM-Viewer has one kind of layer: all are counted as the first');
  if (feedForward.gate === null && !gptj)
    notes.push('LLM-Viewer counts a gate that this model does not have');
  const model: LlmViewerModel = {
    hidden: architecture.embedding,
    intermediate: feedForward.up.outputs,
    heads: attention.heads,
    kvHeads: attention.kind === 'dot-product' ? attention.kvHeads : attention.heads,
    layers: architecture.layers.reduce((sum, { count }) => sum + count, 0),
    vocabulary: architecture.vocabulary,
    gate: !gptj,
    norms: gptj ? ['attn_norm'] : ['attn_norm', 'mlp_norm'],
  };
  return { model, notes };
}

/**
 * The way into LLM-Viewer's model: its answer to a point, in the words of every analysis.
 * @param memoryBytes of the device, by its maker: LLM-Viewer does not know it.
 * @throws FailureError `impossible-combination` for what LLM-Viewer cannot be asked
 */
export function analyzeInLlmViewerMode(
  point: AnalysisPoint,
  architecture: ModelArchitecture,
  bits: Bits,
  memoryBytes: number | null,
): Analysis {
  const hardware = requireLlmViewerHardware(point.hardware);
  const { model, notes } = asLlmViewerModel(architecture);
  const setting = settingOf(point, bits);
  const analysis = analyzeAsLlmViewer(model, hardware, setting);
  const { weights, kvCache } = analysis.prefill.totals.memory;
  const activations = Math.max(
    ...[analysis.prefill, analysis.decode].map((s) => s.totals.memory.activations),
  );
  const bytes = weights + kvCache + activations;
  const { bytesPerSecond, operationsPerSecond } = analysis.roof;
  const { batch, context, generateTokens, tensorParallel } = point;
  return {
    point,
    roof: {
      name: point.hardware,
      origin: 'llm-viewer',
      memoryBytesPerSecond: bytesPerSecond,
      arithmetic: isInt8(setting) ? 'int8' : 'f16',
      flopsPerSecond: operationsPerSecond,
      ridgePoint: operationsPerSecond / bytesPerSecond,
      peaks: [{ arithmetic: isInt8(setting) ? 'int8' : 'f16', flopsPerSecond: operationsPerSecond }],
    },
    devices: tensorParallel,
    prefill: phase(analysis, analysis.prefill, model.layers, batch * context, setting),
    decode: phase(analysis, analysis.decode, model.layers, batch, setting),
    memory: {
      weights,
      kvCache,
      activations,
      activationsAt: null,
      bytes,
      fits: memoryBytes === null ? null : bytes <= memoryBytes,
    },
    prediction: null,
    speculative: null,
    generateSeconds:
      generateTokens === 0 ? null : generateAsLlmViewer(model, hardware, setting, generateTokens).seconds,
    notes,
  };
}

/** What corrected mode alone can be asked. */
const UNKNOWN_TO_IT = {
  attention: 'attention but that of the model',
  sparsity: 'sparse weights',
  kvCacheTypeK: 'types of the cache',
  kvCacheTypeV: 'types of the cache',
  adapterRank: 'adapters',
  adapters: 'adapters',
  pipelineParallel: 'pipeline stages',
  microBatches: 'micro-batches',
  expertParallel: 'experts on devices of their own',
  distinctExperts: 'experts',
  offload: 'weights that are kept elsewhere',
  decodes: 'mixed batches',
} as const satisfies Partial<Record<keyof typeof POINT_DEFAULTS, string>>;

function settingOf(point: AnalysisPoint, bits: Bits): LlmViewerSetting {
  const { batch, context, promptTokens, draft, tokensPerStep, flashAttention, tensorParallel } = point;
  const requireInteger = (what: string, value: number) => {
    if (Number.isInteger(value)) return value;
    throw impossible(
      `LLM-Viewer counts whole bits, and ${what} have ${value} in ${point.bits}`,
      'Write them as w4a16, or use corrected mode.',
    );
  };
  if (promptTokens !== null && promptTokens !== context)
    throw impossible(
      'LLM-Viewer has one number for prompt and context',
      'Leave the prompt out, or use corrected mode.',
    );
  for (const [field, what] of Object.entries(UNKNOWN_TO_IT) as [keyof typeof UNKNOWN_TO_IT, string][]) {
    if (point[field] !== POINT_DEFAULTS[field])
      throw impossible(`LLM-Viewer has no ${what}`, `Leave ${field} out, or use corrected mode.`);
  }
  if (draft !== null)
    throw impossible('LLM-Viewer has no speculative decoding', 'Use corrected mode for a draft.');
  if (tokensPerStep !== 1)
    throw impossible('a decode step of LLM-Viewer computes one token', 'Use corrected mode for more.');
  return {
    batch,
    sequence: context,
    weightBits: requireInteger('weights', bits.weights ?? 16),
    activationBits: bits.activations,
    cacheBits: bits.cache,
    flashAttention,
    tensorParallel,
  };
}

function phase(
  { roof }: LlmViewerAnalysis,
  { layer, head }: StageAnalysis,
  layers: number,
  tokens: number,
  setting: LlmViewerSetting,
): PhaseAnalysis {
  const arithmetic = isInt8(setting) ? 'int8' : 'f16';
  const line = (row: Row, calls: number): Omit<AnalysisRow, 'share'> => ({
    predicted: null,
    name: row.name,
    module: MODULE_OF[row.name] ?? 'other',
    calls,
    flops: row.operations * calls,
    bytes: row.bytes * calls,
    traffic: {
      weightsRead: row.loadWeight * calls,
      cacheRead: row.loadCache * calls,
      cacheWritten: row.storeCache * calls,
      activationsRead: row.loadActivation * calls,
      activationsWritten: row.storeActivation * calls,
    },
    linkBytes: 0,
    intensity: row.intensity,
    arithmetic,
    bound: row.bound,
    seconds: row.seconds * calls,
    linkSeconds: 0,
    flopsPerSecond: Math.min(row.performance, roof.operationsPerSecond),
  });
  return summarize([...layer.map((row) => line(row, layers)), line(head, 1)], tokens);
}

/** Seconds to answer a batch of prompts. */
interface Generation {
  readonly prefillSeconds: number;
  readonly seconds: number;
}

/**
 * LLM-Viewer's `analyze_generate_task`: the prefill of `sequence` tokens, and a decode step for each token,
 * the first at the context of the prompt alone.
 */
export function generateAsLlmViewer(
  model: LlmViewerModel,
  hardware: LlmViewerHardware,
  setting: LlmViewerSetting,
  generateTokens: number,
): Generation {
  const prefillSeconds = analyzeAsLlmViewer(model, hardware, setting).prefill.totals.seconds;
  let seconds = prefillSeconds;
  for (let token = 0; token < generateTokens; token++) {
    const at = { ...setting, sequence: setting.sequence + token };
    seconds += analyzeAsLlmViewer(model, hardware, at).decode.totals.seconds;
  }
  return { prefillSeconds, seconds };
}
