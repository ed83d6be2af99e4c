import { nearest } from '../../core/input/suggest.js';
import type { EngineMemory } from './residency.js';
import { type GraphSetting, type HostTimes, NO_HOST } from './setting.js';

/** What is known of an engine beside its kernels, whose times are in tables. */
export interface ServingEngine {
  /** As commands and tables name it. */
  readonly id: string;
  readonly name: string;
  readonly host: HostTimes;
  readonly graphs: GraphSetting;
  readonly memory: EngineMemory;
}

const GIB = 2 ** 30;

/** 1, 2, 4, and in eights up to 512: what vLLM and SGLang capture unless told otherwise. */
const GRAPH_SIZES = [1, 2, 4, ...Array.from({ length: 64 }, (_, i) => 8 * (i + 1))];

/**
 * Sources of memory: vLLM's own log of Llama-3-8B on an H100 (github.com/vllm-project/vllm/pull/12126: 0.16 GiB
 * beside PyTorch on one device; issues/235 and 3430 of LMCache: 0.52 GiB of graphs, counted since v0.21), the
 * arguments' defaults in the documentation of each engine, and nccl_mem of aiconfigurator's h100_sxm.yaml.
 */
export const SERVING_ENGINES: readonly ServingEngine[] = [
  {
    id: 'vllm',
    name: 'vLLM',
    host: NO_HOST,
    graphs: { sizes: GRAPH_SIZES, launchSeconds: null },
    memory: {
      option: '--gpu-memory-utilization',
      share: 0.9,
      shareOf: 'device',
      holdsActivations: true,
      contextBytes: 0.2 * GIB,
      linkBytes: 0.4 * GIB,
      graphBytes: 0.5 * GIB,
      passTokens: 8192,
      mostSequences: 1024,
      blockTokens: 16,
    },
  },
  {
    id: 'sglang',
    name: 'SGLang',
    host: NO_HOST,
    graphs: { sizes: GRAPH_SIZES, launchSeconds: null },
    memory: {
      option: '--mem-fraction-static',
      share: 0.88,
      shareOf: 'device',
      holdsActivations: false,
      contextBytes: 0.5 * GIB,
      linkBytes: 0.4 * GIB,
      graphBytes: 0,
      passTokens: 8192,
      mostSequences: 1024,
      blockTokens: 1,
    },
  },
  {
    id: 'trtllm',
    name: 'TensorRT-LLM',
    host: NO_HOST,
    graphs: { sizes: GRAPH_SIZES, launchSeconds: null },
    memory: {
      option: 'free_gpu_memory_fraction',
      share: 0.9,
      shareOf: 'free',
      holdsActivations: true,
      contextBytes: 1 * GIB,
      linkBytes: 0.4 * GIB,
      graphBytes: 0.5 * GIB,
      passTokens: 8192,
      mostSequences: 2048,
      blockTokens: 32,
    },
  },
];

/** @returns null for a name of none. */
export function servingEngineNamed(name: string): ServingEngine | null {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z]/g, '');
  const wanted = plain(name);
  return SERVING_ENGINES.find(({ id, name: own }) => [id, plain(own)].includes(wanted)) ?? null;
}

/** @returns one sentence about a name of none. */
export function unknownEngine(name: string): string {
  const guess = nearest(
    name,
    SERVING_ENGINES.map(({ id }) => id),
  );
  const known = SERVING_ENGINES.map(({ id }) => id).join(', ');
  return `there are no times of an engine ${JSON.stringify(name)}: known are ${known}${guess === null ? '' : `; did you mean ${guess}?`}`;
}
