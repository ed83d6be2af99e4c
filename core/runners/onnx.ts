import { z } from 'zod';
import { whole } from '../bounds.js';
import { deviceKind } from '../experiment/experiment.js';
import { numberOn, type Rule } from '../experiment/rule.js';
import { aliases } from '../input/aliases.js';
import { NO_ADAPTER } from '../techniques/adapter.js';
import { grouping, readAttention } from '../techniques/attention.js';
import { exits, exitWithAdapter } from '../techniques/layers.js';
import { requantizing } from '../techniques/quantization.js';
import { groupsDivideWidth, pruningNeedsFloats } from '../techniques/sparsity.js';
import { onnxPasses } from '../work/onnx.js';
import { addedLater } from './added-later.js';
import { batch, engine, threads } from './cpu-options.js';
import { predictGraphMemory } from './onnx-memory.js';
import type { RunnerKind } from './runner.js';

/** Execution providers that compute on devices of a class of their own; others are wherever a machine has such a thing. */
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

const interThreadsNeedParallel: Rule = {
  axes: ['executionMode', 'interThreads'],
  reason: (values) =>
    values.executionMode === 'sequential' && (numberOn(values, 'interThreads') ?? 1) > 1
      ? 'interThreads says nothing where executionMode is sequential: set it to parallel, or leave interThreads out'
      : null,
};

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

/** What is done to a model is in its graph: nothing is attached to that, and no graph of a window is built. */
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
export const onnx: RunnerKind = {
  kind: 'onnx',
  summary: 'ONNX Runtime in the trial process, with any of its execution providers',
  options: z.strictObject({
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
    interThreads: whole(1, 512)
      .nullable()
      .default(null)
      .describe('Operators that run at once, where executionMode is parallel; null takes one.'),
    executionMode: z
      .enum(['sequential', 'parallel'])
      .default('sequential')
      .describe('Whether operators that do not need each other run at once.'),
    arena: z
      .boolean()
      .default(true)
      .describe('Keep memory that operators gave back for the next ones, instead of asking the system.'),
    arenaGrowth: addedLater(
      z
        .enum(['doubling', 'as-requested'])
        .default('doubling')
        .describe('Whether the arena asks the system for powers of two, or for what an operator needs.'),
    ),
    arenaShrink: addedLater(
      z
        .boolean()
        .default(false)
        .describe('Give the arena’s memory back after each run (memory.enable_memory_arena_shrinkage).'),
    ),
    memoryPattern: z
      .boolean()
      .default(true)
      .describe('Plan the memory of a run by what the one before it needed.'),
    spinning: z
      .boolean()
      .default(true)
      .describe('Idle threads spin for a while before they sleep (session.intra_op.allow_spinning).'),
    shareCache: addedLater(
      z
        .boolean()
        .default(true)
        .describe('Add keys and values in place where GroupQueryAttention alone reads the cache.'),
    ),
    batch,
    engine,
  }),
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
  plainRunner: null,
  memory: predictGraphMemory,
  counting: { by: 'pass', engine: onnxPasses, packed: false },
  fitted: false,
  madeUp: null,
};
