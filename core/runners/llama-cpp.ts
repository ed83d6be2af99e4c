import { isEncoder } from '../experiment/known-facts.js';
import { numberOn, type Rule, refuse } from '../experiment/rule.js';
import { aliases } from '../input/aliases.js';
import { grouping } from '../techniques/attention.js';
import { windows, windowWithAdapter } from '../techniques/attention-window.js';
import { blocksDivideWidth, fourBitFillsZeros } from '../techniques/four-bit/spec.js';
import { exits, exitWithAdapter } from '../techniques/layers.js';
import { requantizing } from '../techniques/quantization.js';
import { groupsDivideWidth, pruningNeedsFloats } from '../techniques/sparsity.js';
import { isQuantized } from '../techniques/tensor-types.js';
import { evictionOf, readsKeys } from '../work/eviction.js';
import { asksDrafts, DRAFT_TOKENS } from '../work/generation.js';
import { llamaCppPasses } from '../work/llama-cpp.js';
import { llamaCppOptions } from '../work/llama-cpp-options.js';
import { predictMemory } from '../work/memory.js';
import { PLACEMENT_OPTIONS } from './placement.js';
import { PLAIN, type RunnerKind } from './runner.js';

/** Elements in one block of every quantized cache type (ggml: QK4_0, QK5_0, QK8_0, QK4_NL). */
const CACHE_BLOCK = 32;

/** llama.cpp src/llama-context.cpp: "quantized V cache requires flash_attn to be enabled". */
const quantizedValues = refuse(
  ['flashAttention', 'kvCacheTypeV'],
  ({ flashAttention, kvCacheTypeV }) => flashAttention === false && isQuantized(kvCacheTypeV),
  'a quantized V cache needs flash attention: set flashAttention to true or auto, or kvCacheTypeV to f16',
);

/**
 * llama.cpp asks that every head be a multiple of the block. Where the facts hold sums over all layers only,
 * the certain part is refused here: a sum that is no multiple cannot come from heads that are.
 */
function cacheBlocks(axis: 'kvCacheTypeK' | 'kvCacheTypeV'): Rule {
  return {
    axes: ['model', axis],
    reason(values, facts) {
      if (facts === null || !isQuantized(values[axis])) return null;
      const sum = axis === 'kvCacheTypeK' ? facts.keyElementsPerToken : facts.valueElementsPerToken;
      if (sum === null) return null;
      const { heads, layers } = facts;
      const elements = heads === null || layers === null ? sum : sum / (layers * heads.keyValue);
      return elements % CACHE_BLOCK === 0
        ? null
        : `the heads of model ${values.model} are no multiple of ${CACHE_BLOCK}, so its cache cannot be quantized: set ${axis} to f16`;
    },
  };
}

/** llama.cpp src/llama-context.cpp: "model does not support different K (%s) and V (%s) cache types". */
const latentCache = refuse(
  ['model', 'kvCacheTypeK', 'kvCacheTypeV'],
  ({ kvCacheTypeK, kvCacheTypeV }, facts) =>
    facts !== null &&
    (facts.keyElementsPerToken ?? 0) > 0 &&
    facts.valueElementsPerToken === 0 &&
    kvCacheTypeK !== kvCacheTypeV,
  ({ model }) =>
    `the latent attention of model ${model} keeps one vector for both: give kvCacheTypeK and kvCacheTypeV the same type`,
);

/** llama.cpp src/llama-kv-cache.cpp: caches in floats are never rotated. */
const rotationOfQuantized = refuse(
  ['kvCacheRotation', 'kvCacheTypeK', 'kvCacheTypeV'],
  ({ kvCacheRotation, kvCacheTypeK, kvCacheTypeV }) =>
    kvCacheRotation === false && !isQuantized(kvCacheTypeK) && !isQuantized(kvCacheTypeV),
  'a cache that is not quantized is not rotated: quantize kvCacheTypeK or kvCacheTypeV, or leave kvCacheRotation out',
);

/** llama.cpp lowers it to batch without a word; the row would not be what it says it is. */
const ubatchWithinBatch = refuse(
  ['batch', 'ubatch'],
  (values) => (numberOn(values, 'ubatch') ?? 0) > (numberOn(values, 'batch') ?? 0),
  'ubatch is larger than batch, and llama.cpp would silently lower it: raise batch or lower ubatch',
);

/** llama.cpp src/llama-context.cpp: GGML_ASSERT(n_tokens_all <= cparams.n_batch). */
const stepWithinBatch = refuse(
  ['batch', 'parallel'],
  (values) => (numberOn(values, 'parallel') ?? 0) > (numberOn(values, 'batch') ?? 0),
  'one decode step holds a token of each parallel sequence, more than batch allows: raise batch',
);

/** The same of a step that verifies drafts. */
const draftsWithinBatch = refuse(
  ['batch', 'parallel', 'speculative', 'draftTokens'],
  (values) =>
    asksDrafts(values.speculative) &&
    (numberOn(values, 'parallel') ?? 0) * (1 + (numberOn(values, 'draftTokens') ?? DRAFT_TOKENS)) >
      (numberOn(values, 'batch') ?? 0),
  'a step verifies draftTokens and one more token of each parallel sequence, more than batch allows: raise batch, or lower draftTokens or parallel',
);

/** @param servers the axis of RPC servers, where a runner has it: they take layers, whatever the device. */
function layersNeedGpu(...servers: readonly 'rpcServers'[]): Rule {
  return refuse(
    ['device', 'gpuLayers', ...servers],
    (values) =>
      values.device === 'cpu' &&
      (numberOn(values, 'gpuLayers') ?? 0) > 0 &&
      typeof values.rpcServers !== 'string',
    'the device cpu takes no GPU layers: exclude this pair, or leave gpuLayers out',
  );
}

/** Leases take whole devices, and a CPU is one. */
const devicesAreGpus = refuse(
  ['device', 'gpus'],
  (values) => values.device === 'cpu' && (numberOn(values, 'gpus') ?? 1) > 1,
  'the device cpu is one: exclude this pair, or leave gpus out',
);

/** One device has all of a model, however it would be split. */
const splitNeedsGpus = refuse(
  ['gpus', 'splitMode', 'rpcServers'],
  (values) =>
    (numberOn(values, 'gpus') ?? 1) === 1 &&
    values.splitMode === 'tensor' &&
    typeof values.rpcServers !== 'string',
  'splitMode tensor needs several GPUs: raise gpus, or set splitMode to layer',
);

/** llama-context.cpp: "SPLIT_MODE_TENSOR requires flash_attn to be enabled". */
const tensorsNeedFlash = refuse(
  ['gpus', 'splitMode', 'flashAttention'],
  (values) =>
    (numberOn(values, 'gpus') ?? 1) > 1 && values.splitMode === 'tensor' && values.flashAttention === false,
  'splitMode tensor needs flash attention: set flashAttention to true or auto, or splitMode to layer',
);

/**
 * How many devices an RPC server has is known when it is asked: then shares are counted where the model is
 * loaded.
 */
const sharesPerGpu: Rule = {
  axes: ['gpus', 'tensorSplit', 'rpcServers'],
  reason: ({ gpus, tensorSplit, rpcServers }) => {
    if (typeof tensorSplit !== 'string' || typeof rpcServers === 'string') return null;
    const shares = tensorSplit.split('/').length;
    return shares === gpus ? null : `tensorSplit names ${shares} shares for ${gpus} GPUs: give one of each`;
  },
};

/**
 * A server is given whole layers: its devices have no buffers that are split, and sums over a network after
 * every matrix would take all of the time.
 */
const serversTakeLayers = refuse(
  ['rpcServers', 'splitMode'],
  ({ rpcServers, splitMode }) => typeof rpcServers === 'string' && splitMode !== 'layer',
  'RPC servers take whole layers: set splitMode to layer, or leave rpcServers out',
);

const serversAreOthers: Rule = {
  axes: ['rpcServers'],
  reason({ rpcServers }) {
    const names = typeof rpcServers === 'string' ? rpcServers.split('/') : [];
    const twice = names.find((name, index) => names.indexOf(name) < index);
    return twice === undefined
      ? null
      : `rpcServers names ${twice} twice: a server serves one client at a time`;
  },
};

const mainGpuIsOne = refuse(
  ['gpus', 'mainGpu'],
  (values) => (numberOn(values, 'mainGpu') ?? 0) >= (numberOn(values, 'gpus') ?? 1),
  'mainGpu is none of the GPUs: it counts from 0, and is below gpus',
);

/** Of the workload inference alone, which has items. */
const graphsAreEncoders = refuse(
  ['model', 'items'],
  (_, facts) => facts !== null && !isEncoder(facts),
  ({ model }) =>
    `model ${model} decodes, and what llama.cpp runs as a graph are encoders: use the workload latency`,
);

/** llama.cpp src/llama-context.cpp: "encoder requires n_ubatch >= n_tokens". */
const textsWithinBatch: Rule = {
  axes: ['items', 'size', 'sizes', 'batch', 'ubatch'],
  reason(values) {
    const [items, size] = [numberOn(values, 'items') ?? 1, numberOn(values, 'size') ?? 1];
    const room = Math.min(numberOn(values, 'ubatch') ?? 512, numberOn(values, 'batch') ?? 2048);
    return values.sizes === null && items * size > room
      ? 'an encoder reads all items of a run at once, more tokens than ubatch allows: raise ubatch and batch, or lower items'
      : null;
  },
};

/** Keys are read out of the cache, and blocks of quantized numbers are read by the engine alone. */
const keysAreFloats = refuse(
  ['eviction', 'kvCacheTypeK'],
  ({ eviction, kvCacheTypeK }) =>
    typeof eviction === 'string' && readsKeys(evictionOf(eviction)) && isQuantized(kvCacheTypeK),
  'knorm and keydiff look at the keys, which cannot be read from a quantized cache: set kvCacheTypeK to f16, or eviction to streaming',
);

/** @param axis of workloads that read no long text with a cache of one sequence each. */
const evictionElsewhere = (axis: string): Rule =>
  refuse(
    ['eviction', axis],
    ({ eviction }) => typeof eviction === 'string' && eviction !== 'none',
    'eviction is for the workload latency and for quality: leave it out here',
  );

/** What llama.cpp refuses, wherever it runs; a rule is silent where a runner has no such option. */
const EVERYWHERE: readonly Rule[] = [
  quantizedValues,
  cacheBlocks('kvCacheTypeK'),
  cacheBlocks('kvCacheTypeV'),
  latentCache,
  ubatchWithinBatch,
  stepWithinBatch,
  requantizing,
  grouping,
  windows,
  windowWithAdapter,
  exits,
  exitWithAdapter,
  pruningNeedsFloats,
  groupsDivideWidth,
  blocksDivideWidth,
  fourBitFillsZeros,
];

/** Of engines on llama.cpp behind an address. */
export const LLAMA_CPP_RULES: readonly Rule[] = [...EVERYWHERE, layersNeedGpu()];

export const llamaCpp = {
  ...PLAIN,
  kind: 'llama-cpp',
  summary: 'llama.cpp in the trial process, through the libraries that node-llama-cpp ships',
  options: llamaCppOptions,
  devices: ['cpu', 'cuda', 'vulkan', 'metal'],
  offers: [
    'generator',
    'profiled-generator',
    'greedy-generator',
    'language-model',
    'embedder',
    'tensor-graph',
    'completions',
  ],
  formats: ['gguf'],
  techniques: ['quantization', 'sparsity', 'attention', 'layers', 'adapter'],
  rules: [
    ...EVERYWHERE,
    rotationOfQuantized,
    draftsWithinBatch,
    layersNeedGpu('rpcServers'),
    devicesAreGpus,
    splitNeedsGpus,
    tensorsNeedFlash,
    sharesPerGpu,
    serversTakeLayers,
    serversAreOthers,
    mainGpuIsOne,
    graphsAreEncoders,
    textsWithinBatch,
    keysAreFloats,
    ...['items', 'textTokens', 'requestsAtOnce', 'sharedTokens'].map(evictionElsewhere),
  ],
  alsoKnownAs: aliases({
    flashAttention: ['fa', 'flashAttn', 'flash_attn'],
    kvCacheTypeK: ['ctk', 'typeK', 'type_k', 'cacheTypeK'],
    kvCacheTypeV: ['ctv', 'typeV', 'type_v', 'cacheTypeV'],
    threads: ['t', 'n_threads'],
    batch: ['b', 'n_batch', 'batchSize'],
    ubatch: ['ub', 'n_ubatch', 'ubatchSize'],
    gpuLayers: ['ngl', 'n_gpu_layers'],
    mmap: ['mmp', 'use_mmap'],
    engine: ['engineRelease'],
    splitMode: ['sm', 'split_mode'],
    mainGpu: ['mg', 'main_gpu'],
    tensorSplit: ['ts', 'tensor_split'],
    eviction: ['cacheEviction', 'kvEviction'],
  }),
  answerOptions: [
    'flashAttention',
    'kvCacheTypeK',
    'kvCacheTypeV',
    'eviction',
    'kvCacheRotation',
    'cpuBackend',
    ...PLACEMENT_OPTIONS,
  ],
  memory: predictMemory,
  counting: { by: 'pass', engine: llamaCppPasses, packed: false },
  fitted: true,
} satisfies RunnerKind;
