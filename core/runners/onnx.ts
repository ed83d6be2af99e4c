import { z } from 'zod';
import { integerBetween, orNull } from '../bounds.js';
import { deviceKind } from '../experiment/experiment.js';
import { type OptionsOf, readOptions } from '../experiment/options.js';
import { numberOn, type Rule, refuse } from '../experiment/rule.js';
import { aliases } from '../input/aliases.js';
import { NO_ADAPTER } from '../techniques/adapter.js';
import { grouping, readAttention } from '../techniques/attention.js';
import { chainOf } from '../techniques/chain.js';
import { FLOAT_BYTES, type FloatType } from '../techniques/float-types.js';
import { exits, exitWithAdapter } from '../techniques/layers.js';
import { requantizing } from '../techniques/quantization.js';
import { groupsDivideWidth, pruningNeedsFloats } from '../techniques/sparsity.js';
import { headOf } from '../techniques/spelling.js';
import { batch, engine, threads } from '../work/cpu-options.js';
import { predictKvCache } from '../work/kv-cache.js';
import { predictableWork } from '../work/latency.js';
import { liveActivations } from '../work/memory/pass-memory.js';
import {
  ACTIVATION_WIDTHS,
  DEVICE_CONTEXT_BYTES,
  headsOf,
  type MemoryPrediction,
  type MemoryRequest,
  predictionOf,
} from '../work/memory.js';
import { onnxPasses, tokensAtOnce } from '../work/onnx.js';
import { DEFAULT_SETTING, FLASH, UNFUSED, type WorkSetting } from '../work/pass/setting.js';
import { PLAIN, type RunnerKind } from './runner.js';

const onnxOptions = z.strictObject({
  executionProvider: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,99}$/)
    .default('auto')
    .describe(
      'What computes: cpu, cuda, tensorrt, coreml, dml, webgpu, qnn, openvino, xnnpack, or a plug-in of the node’s configuration; auto takes the device’s own.',
    ),
  graphOptimization: z
    .enum(['disabled', 'basic', 'extended', 'all'])
    .default('all')
    .describe('How far the graph is rewritten before it runs.'),
  threads,
  interThreads: orNull(integerBetween(1, 512)).describe(
    'Operators that run at once, where executionMode is parallel; null takes one.',
  ),
  executionMode: z
    .enum(['sequential', 'parallel'])
    .default('sequential')
    .describe('Whether operators that do not need each other run at once.'),
  arena: z
    .boolean()
    .default(true)
    .describe('Keep memory that operators gave back for the next ones, instead of asking the system.'),
  arenaGrowth: z
    .enum(['doubling', 'as-requested'])
    .default('doubling')
    .describe('Whether the arena asks the system for powers of two, or for what an operator needs.'),
  arenaShrink: z
    .boolean()
    .default(false)
    .describe('Give the arena’s memory back after each run (memory.enable_memory_arena_shrinkage).'),
  memoryPattern: z
    .boolean()
    .default(true)
    .describe('Plan the memory of a run by what the one before it needed.'),
  spinning: z
    .boolean()
    .default(true)
    .describe('Idle threads spin for a while before they sleep (session.intra_op.allow_spinning).'),
  shareCache: z
    .boolean()
    .default(true)
    .describe('Add keys and values in place where GroupQueryAttention alone reads the cache.'),
  batch,
  engine,
});

/** Node with ONNX Runtime's library, 125 MiB resident, and a session of a graph without weights. */
const PROCESS_BYTES = 150e6;
/**
 * Bytes of the graph's file that are resident at most, while kernels lay their weights out anew: 1.4 to 1.6
 * of f32, 1.7 of int8 blocks (SmolLM2-135M, ONNX Runtime 1.30). It is the CPU's kernels that do so, in its
 * memory: CUDA gets all weights in one block of their size (tensor_allocator_with_mem_pattern.h). What Core
 * ML and WebGPU keep beside them is not known.
 */
const WEIGHT_COPIES = 1.75;
/** The arena asks for powers of two. */
const ARENA_SLACK = 2;

/**
 * Predicts the memory of one trial of a decoder on ONNX Runtime, before anything is opened: a bound somewhat
 * above reality. Of a graph that is made here the cache is one and logits are of last tokens; of any other,
 * two caches and, where its shapes are not known, logits of all tokens are what it may take.
 * @returns null for a workload that runs graphs as they are: what lies between their operators does not
 *   follow from facts of a decoder.
 */
export function predictGraphMemory(request: MemoryRequest): MemoryPrediction | null {
  const { facts, experiment } = request;
  const { technique, runner, workload, device } = experiment;
  if (workload.kind === 'inference' || workload.kind === 'embedding') return null;
  const made = facts.format !== 'onnx';
  const file = request.quantizationBytes ?? chainOf(technique, facts, ['onnx']).at(-1)?.bytes ?? facts.bytes;
  const { shareCache, ...options } = readOptions(onnxOptions, runner.options);
  const { promptTokens, generateTokens, sequences, contextDepth } = predictableWork(workload);
  const perSequence = Math.max(1, contextDepth + promptTokens + generateTokens);
  const word = headOf(technique.quantization);
  const type: FloatType =
    word === 'f16' || (!made && word === 'base' && facts.quantization === 'f16') ? 'f16' : 'f32';
  const sides = made && shareCache ? 1 : 2;
  const cells = { perSequence, sequences };
  const types = { kvCacheTypeK: type, kvCacheTypeV: type, batch: options.batch, ubatch: options.batch };
  const kvCache = sides * predictKvCache(facts, technique.attention, types, cells);
  const newTokens = Math.min(Math.max(1, contextDepth, promptTokens), tokensAtOnce(options.batch, sequences));
  return predictionOf({
    weights: (deviceKind(device) === 'cuda' ? 1 : WEIGHT_COPIES) * file,
    kvCache,
    compute: ARENA_SLACK * alive(),
    overhead: deviceKind(device) === 'cpu' ? PROCESS_BYTES : DEVICE_CONTEXT_BYTES,
  });

  /** What a pass of the longest prompt has at one time. */
  function alive(): number {
    const { architecture = null } = request;
    if (architecture !== null) {
      const setting: WorkSetting = {
        ...DEFAULT_SETTING,
        phase: 'prefill',
        batch: [{ sequences, newTokens, cachedTokens: perSequence - newTokens }],
        activationBits: 8 * FLOAT_BYTES[type],
        attention: made ? FLASH : UNFUSED,
        logits: architecture.graphLogits ?? (made ? 'last' : 'all'),
      };
      return liveActivations(architecture, setting).bytes;
    }
    const tokens = sequences * newTokens;
    const logits = (made ? sequences : tokens) * facts.vocabularySize;
    const scores = made ? 0 : tokens * perSequence * headsOf(facts);
    return (tokens * facts.embeddingLength * ACTIVATION_WIDTHS + logits + scores) * FLOAT_BYTES[type];
  }
}

/**
 * Execution providers that compute on devices of a class of their own; others are wherever a machine has such
 * a thing.
 */
export const PROVIDER_DEVICES: Readonly<Record<string, string>> = {
  cpu: 'cpu',
  xnnpack: 'cpu',
  cuda: 'cuda',
  tensorrt: 'cuda',
  coreml: 'metal',
  webgpu: 'vulkan',
};

/** What `auto` means on a class of devices. */
export const PROVIDER_OF: Readonly<Record<string, string>> = {
  cpu: 'cpu',
  cuda: 'cuda',
  metal: 'coreml',
  vulkan: 'webgpu',
};

const providerOnDevice: Rule = {
  axes: ['device', 'executionProvider'],
  reason({ device, executionProvider }) {
    const wanted = PROVIDER_DEVICES[String(executionProvider)];
    const has = deviceKind(String(device));
    return wanted === undefined || wanted === has
      ? null
      : `the execution provider ${executionProvider} computes on ${wanted}, and the device is ${device}: choose another, or placement: device: ${wanted}`;
  },
};

const interThreadsNeedParallel = refuse(
  ['executionMode', 'interThreads'],
  (values) => values.executionMode === 'sequential' && (numberOn(values, 'interThreads') ?? 1) > 1,
  'interThreads says nothing where executionMode is sequential: set it to parallel, or leave interThreads out',
);

/** `arena` is the CPU's; a GPU of CUDA has one in any case. */
const arenaOptionsNeedArena: Rule = {
  axes: ['device', 'executionProvider', 'arena', 'arenaGrowth', 'arenaShrink'],
  reason({ device, executionProvider, arena, arenaGrowth, arenaShrink }) {
    const computes =
      executionProvider === 'auto' ? PROVIDER_OF[deviceKind(String(device))] : executionProvider;
    const has = arena === true || PROVIDER_DEVICES[String(computes)] === 'cuda';
    return has || (arenaGrowth === 'doubling' && arenaShrink === false)
      ? null
      : 'arenaGrowth and arenaShrink say nothing where arena is false: set arena to true, or leave them out';
  },
};

/**
 * What is done to a model is in its graph: nothing is attached to that, and no graph of a window is built.
 */
const changedBefore: Rule = {
  axes: ['attention', 'adapter'],
  reason({ attention, adapter }) {
    if (adapter !== NO_ADAPTER && !String(adapter).includes('mode=merged'))
      return 'nothing is attached to an ONNX graph: merge the adapter (mode=merged)';
    const reading = readAttention(String(attention));
    return reading.ok && (reading.value?.window ?? null) !== null
      ? 'no ONNX graph with a sliding window is built: leave attention as it is, or group its heads'
      : null;
  },
};

/** ONNX Runtime in the trial's process, through its C interface. */
export const onnx = {
  ...PLAIN,
  kind: 'onnx',
  summary: 'ONNX Runtime in the trial process, with any of its execution providers',
  options: onnxOptions,
  devices: ['cpu', 'cuda', 'vulkan', 'metal'],
  offers: ['generator', 'profiled-generator', 'language-model', 'embedder', 'tensor-graph'],
  formats: ['onnx'],
  techniques: ['quantization', 'sparsity', 'attention', 'layers', 'adapter'],
  rules: [
    providerOnDevice,
    interThreadsNeedParallel,
    arenaOptionsNeedArena,
    requantizing,
    grouping,
    exits,
    exitWithAdapter,
    pruningNeedsFloats,
    groupsDivideWidth,
    changedBefore,
  ],
  alsoKnownAs: aliases({
    executionProvider: ['ep', 'provider', 'providers', 'execution_provider'],
    graphOptimization: ['graph_optimization_level'],
    interThreads: ['inter_op_num_threads'],
    executionMode: ['execution_mode'],
    arena: ['enable_cpu_mem_arena'],
    memoryPattern: ['enable_mem_pattern'],
    arenaGrowth: ['arena_extend_strategy'],
    shareCache: ['past_present_share_buffer'],
  }),
  answerOptions: ['executionProvider', 'graphOptimization', 'engine'],
  memory: predictGraphMemory,
  counting: { by: 'pass', engine: onnxPasses, packed: false },
} satisfies RunnerKind;

export type OnnxOptions = OptionsOf<typeof onnx>;
