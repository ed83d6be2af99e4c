import { deviceKind } from '../experiment/experiment.js';
import { chainOf } from '../techniques/chain.js';
import { FLOAT_BYTES, type FloatType } from '../techniques/float-types.js';
import { headOf } from '../techniques/spelling.js';
import { positive, predictKvCache } from '../work/kv-cache.js';
import { liveActivations } from '../work/memory/pass-memory.js';
import {
  ACTIVATION_WIDTHS,
  DEVICE_CONTEXT_BYTES,
  headsOf,
  type MemoryPrediction,
  type MemoryRequest,
} from '../work/memory.js';
import { tokensAtOnce } from '../work/onnx.js';
import { DEFAULT_SETTING, FLASH, UNFUSED, type WorkSetting } from '../work/pass/setting.js';

/** Node with ONNX Runtime's library, 125 MiB resident, and a session of a graph without weights. */
const PROCESS_BYTES = 150e6;
/**
 * Bytes of the graph's file that are resident at most, while kernels lay their weights out anew: 1.4 to 1.6 of f32, 1.7 of int8 blocks
 * (SmolLM2-135M, ONNX Runtime 1.30). It is the CPU's kernels that do so, in its memory: CUDA gets all weights in one block of their size
 * (tensor_allocator_with_mem_pattern.h). What Core ML and WebGPU keep beside them is not known.
 */
const WEIGHT_COPIES = 1.75;
/** The arena asks for powers of two. */
const ARENA_SLACK = 2;

/**
 * Predicts the memory of one trial of a decoder on ONNX Runtime, before anything is opened: a bound somewhat above reality. Of a graph that
 * is made here the cache is one and logits are of last tokens; of any other, two caches and, where its shapes are not known, logits of all
 * tokens are what it may take.
 * @returns null for a workload that runs graphs as they are: what lies between their operators does not follow from facts of a decoder.
 */
export function predictGraphMemory(request: MemoryRequest): MemoryPrediction | null {
  const { facts, experiment } = request;
  const { technique, runner, workload, device } = experiment;
  if (workload.kind === 'inference' || workload.kind === 'embedding') return null;
  const made = facts.format !== 'onnx';
  const file = request.quantizationBytes ?? chainOf(technique, facts, ['onnx']).at(-1)?.bytes ?? facts.bytes;
  const sequences = positive(workload.options, 'parallel', 1);
  const [depth, prompt, generated] = ['contextDepth', 'promptTokens', 'generateTokens'].map((name) =>
    positive(workload.options, name, 0),
  ) as [number, number, number];
  const perSequence = Math.max(1, depth + prompt + generated);
  const word = headOf(technique.quantization);
  const type: FloatType =
    word === 'f16' || (!made && word === 'base' && facts.quantization === 'f16') ? 'f16' : 'f32';
  const sides = made && runner.options.shareCache !== false ? 1 : 2;
  const cells = { perSequence, sequences };
  const types = { kvCacheTypeK: type, kvCacheTypeV: type };
  const kvCache = sides * predictKvCache(facts, technique.attention, types, cells);
  const newTokens = Math.min(
    Math.max(1, depth, prompt),
    tokensAtOnce(positive(runner.options, 'batch', 2048), sequences),
  );
  const parts = {
    weights: Math.ceil((deviceKind(device) === 'cuda' ? 1 : WEIGHT_COPIES) * file),
    adapters: 0,
    kvCache: Math.ceil(kvCache),
    compute: Math.ceil(ARENA_SLACK * alive()),
    overhead: deviceKind(device) === 'cpu' ? PROCESS_BYTES : DEVICE_CONTEXT_BYTES,
  };
  return { bytes: parts.weights + parts.kvCache + parts.compute + parts.overhead, parts };

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
