import type { Experiment } from '../experiment/experiment.js';
import { deviceKind } from '../experiment/experiment.js';
import type { KnownFacts } from '../experiment/known-facts.js';
import { readOptions } from '../experiment/options.js';
import { readAdapter, readSyntheticAdapter } from '../techniques/adapter.js';
import { readAttention } from '../techniques/attention.js';
import { FLOAT_BYTES } from '../techniques/float-types.js';
import { predictWeights } from '../techniques/predicted-weights.js';
import { predictTraining } from '../training/memory.js';
import { trainingOptions, trainingSettings } from '../training/options.js';
import type { ModelArchitecture } from './architecture.js';
import { evictionOf, mostTokensHeld } from './eviction.js';
import { microBatch, paddedCells, predictKvCache, windowedShare } from './kv-cache.js';
import { predictableWork } from './latency.js';
import { cpuShare, fullestShare, offloadedShare } from './llama-cpp.js';
import { type CacheOptions, memoryOptions, type PassOptions } from './llama-cpp-options.js';
import { liveActivations } from './memory/pass-memory.js';
import { DEFAULT_SETTING, FLASH, UNFUSED, type WorkSetting } from './pass/setting.js';

export interface MemoryRequest {
  readonly facts: KnownFacts;
  /** Size of the file that will be run, when it exists already; replaces the estimate of the weights. */
  readonly quantizationBytes?: number | null;
  /** Shapes of the file that will be run, when they are known: activations then follow from them. */
  readonly architecture?: ModelArchitecture | null;
  /** Size of the adapters that will run beside it, when it is known; replaces the estimate. */
  readonly adapterBytes?: number | null;
  readonly experiment: Pick<Experiment, 'technique' | 'runner' | 'workload' | 'device'>;
}

/**
 * Bytes on the device that the trial asks for, a little above what it will take; of several on the one with
 * the largest share.
 */
export interface MemoryPrediction {
  readonly bytes: number;
  readonly parts: {
    readonly weights: number;
    /** Low-rank adapters beside the weights. */
    readonly adapters: number;
    readonly kvCache: number;
    /** Logits, activations, attention scores and masks of one micro-batch. */
    readonly compute: number;
    /** The process with its libraries, or the driver's context on an accelerator. */
    readonly overhead: number;
  };
}

/** Live activations of a layer in units of the embedding: gate, up and residual of a SwiGLU block. */
export const ACTIVATION_WIDTHS = 10;
/** Node with the engine's libraries: 105 MB resident before a model is opened. */
const PROCESS_BYTES = 128e6;
/** A CUDA context with cuBLAS takes 0.3 to 0.6 GB of device memory. */
export const DEVICE_CONTEXT_BYTES = 512e6;

/**
 * Predicts the memory of one trial from the model's header and the experiment, before anything is opened: a
 * bound somewhat above reality, for refusing what cannot fit. Weights are counted once: the mapped file and
 * a repacked copy can be resident together, but mapped pages are given back under pressure.
 */
export function predictMemory(request: MemoryRequest): MemoryPrediction {
  const { facts, experiment } = request;
  const { runner, workload, device } = experiment;
  const options = readOptions(memoryOptions, runner.options);
  const onCpu = deviceKind(device) === 'cpu';
  const share = onCpu
    ? cpuShare(options, facts.layers)
    : offloadedShare(options.gpuLayers, facts.layers) * fullestShare(options, facts.layers);
  const { promptTokens, generateTokens, sequences, contextDepth } = predictableWork(workload);
  const perSequence = mostTokensHeld(
    evictionOf(options.eviction),
    contextDepth + promptTokens + generateTokens,
  );
  const cellsPerSequence = paddedCells(Math.max(1, perSequence));
  const weights =
    (request.quantizationBytes ?? predictWeights(facts, experiment.technique.quantization)) * share;
  const adapters = request.adapterBytes ?? predictAdapters(facts, experiment.technique.adapter);
  const cells = { perSequence: cellsPerSequence, sequences };
  const { attention } = experiment.technique;
  const windows = modelWindows(request, options, cellsPerSequence);
  const kvCache = predictKvCache(facts, attention, options, cells) * share * windows;
  const compute = predictCompute(request, options, cellsPerSequence, sequences);
  const overhead = onCpu ? PROCESS_BYTES : DEVICE_CONTEXT_BYTES;
  return predictionOf({ weights, adapters: adapters * share, kvCache, compute, overhead });
}

/** @returns the prediction of these parts, each rounded up. */
export function predictionOf(
  given: Omit<MemoryPrediction['parts'], 'adapters' | 'kvCache'> & Partial<MemoryPrediction['parts']>,
): MemoryPrediction {
  const { weights, adapters = 0, kvCache = 0, compute, overhead } = given;
  const parts = {
    weights: Math.ceil(weights),
    adapters: Math.ceil(adapters),
    kvCache: Math.ceil(kvCache),
    compute: Math.ceil(compute),
    overhead,
  };
  return { bytes: Object.values(parts).reduce((sum, part) => sum + part, 0), parts };
}

/** A window that a technique puts on is in the prediction of the cache already. */
function modelWindows(
  { architecture = null, experiment }: MemoryRequest,
  options: CacheOptions,
  cells: number,
): number {
  const reading = readAttention(experiment.technique.attention);
  if (architecture === null || (reading.ok && reading.value?.window != null)) return 1;
  return windowedShare(architecture, options, cells);
}

/** The same of a trial that trains: what is computed and kept in a step counts as compute. */
export function predictTrainingMemory({
  facts,
  experiment,
  quantizationBytes,
}: MemoryRequest): MemoryPrediction {
  const { technique, workload, device } = experiment;
  const file = quantizationBytes ?? predictWeights(facts, technique.quantization);
  const settings = trainingSettings(readOptions(trainingOptions, workload.options));
  const needs = predictTraining(facts, settings, file);
  return predictionOf({
    weights: needs.weights,
    compute: needs.gradients + needs.optimizer + needs.activations + needs.inputs,
    overhead: deviceKind(device) === 'cpu' ? PROCESS_BYTES : DEVICE_CONTEXT_BYTES,
  });
}

/**
 * Bytes of the synthetic adapters that run beside the weights: r (in + out) f32 numbers for each of the seven
 * matrices of a layer, whose feed-forward width follows from the parameters. Adapters in files are not known
 * before a node looks at them, and count as nothing.
 */
function predictAdapters(facts: KnownFacts, setting: string): number {
  const reading = readAdapter(setting);
  if (!reading.ok || reading.value?.mode !== 'attached') return 0;
  const { embeddingLength: width, layers } = facts;
  const keyWidth = facts.keyElementsPerToken / Math.max(1, layers);
  const perLayer = (facts.parameters - 2 * facts.vocabularySize * width) / Math.max(1, layers);
  const feedForward = Math.max(0, (perLayer - 2 * width * (width + keyWidth)) / (3 * width));
  const attention = {
    attn_q: 2 * width,
    attn_k: width + keyWidth,
    attn_v: width + keyWidth,
    attn_output: 2 * width,
  };
  const mlp = width + feedForward;
  const sides: Readonly<Record<string, number>> = { ...attention, ffn_gate: mlp, ffn_up: mlp, ffn_down: mlp };
  const ranks = reading.value.parts.map(({ source }) => {
    const synthetic = readSyntheticAdapter(source);
    if (synthetic === null) return 0;
    const targets = synthetic.targets ?? Object.keys(sides);
    return synthetic.rank * targets.reduce((sum, target) => sum + (sides[target] ?? 0), 0);
  });
  return ranks.reduce((sum, numbers) => sum + numbers, 0) * layers * FLOAT_BYTES.f32;
}

/**
 * The compute buffer is reserved for the worst micro-batch: logits for each of its tokens, the activations
 * of a layer, the attention mask, and, without flash attention, the scores of every head over the whole
 * context.
 */
function predictCompute(
  { facts, architecture = null }: MemoryRequest,
  options: PassOptions,
  cellsPerSequence: number,
  sequences: number,
): number {
  const ubatch = microBatch(options);
  const logits = facts.vocabularySize * (ubatch + sequences);
  // A mask in f32 and its f16 copy.
  const mask = ubatch * cellsPerSequence * 1.5;
  if (architecture !== null) {
    const alive = aliveAtOnce(architecture, options, ubatch, cellsPerSequence);
    // Logits of the batch are copied out of the graph, and are read while the next one is computed.
    return (
      alive + (mask + facts.vocabularySize * sequences + ubatch * facts.embeddingLength) * FLOAT_BYTES.f32
    );
  }
  const activations = ubatch * facts.embeddingLength * ACTIVATION_WIDTHS;
  const scores = options.flashAttention === true ? 0 : ubatch * cellsPerSequence * headsOf(facts);
  return (logits + activations + mask + scores) * FLOAT_BYTES.f32;
}

/** llama.cpp reserves for a micro-batch whose tokens all have logits, at the end of a full cache, in f32. */
function aliveAtOnce(
  architecture: ModelArchitecture,
  options: PassOptions,
  ubatch: number,
  cells: number,
): number {
  const attention = { ...(options.flashAttention === true ? FLASH : UNFUSED), latent: 'absorbed' } as const;
  const setting: WorkSetting = {
    ...DEFAULT_SETTING,
    phase: 'prefill',
    batch: [{ sequences: 1, newTokens: ubatch, cachedTokens: Math.max(0, cells - ubatch) }],
    activationBits: 8 * FLOAT_BYTES.f32,
    attention,
    logits: 'all',
  };
  return liveActivations(architecture, setting).bytes;
}

/** Where the facts hold no number of heads: heads of 64 elements up to a width of 2048, of 128 above. */
export function headsOf(facts: KnownFacts): number {
  if (facts.heads !== null) return facts.heads.query;
  const usual = facts.embeddingLength <= 2048 ? 64 : 128;
  const keyWidth = facts.keyElementsPerToken / Math.max(1, facts.layers);
  return Math.ceil(facts.embeddingLength / Math.max(1, Math.min(usual, keyWidth)));
}
