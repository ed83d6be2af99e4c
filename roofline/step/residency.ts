import type { ModelArchitecture } from '../../core/work/architecture.js';
import { passMemory } from '../../core/work/memory/pass-memory.js';
import type { KernelSetting, Parallelism, PassRequest } from '../../core/work/pass/setting.js';
import { cacheBitsOf } from '../operators/number-format.js';

/** What an engine takes of a device beside weights and cache, and how it shares out the rest. */
export interface EngineMemory {
  /** Unless told otherwise. */
  readonly share: number;
  /** The share is of the device's memory, or of what weights and all else leave. */
  readonly shareOf: 'device' | 'free';
  /** Activations are inside the share, beside the cache; otherwise they have the rest of the device. */
  readonly holdsActivations: boolean;
  /**
   * Of the driver's context and libraries' workspaces, of links where there are several devices, of CUDA
   * graphs.
   */
  readonly contextBytes: number;
  readonly linkBytes: number;
  readonly graphBytes: number;
  /** New tokens of the fullest pass that it makes room for, and of sequences with logits. */
  readonly passTokens: number;
  readonly mostSequences: number;
  /** Cells of the cache are given out in blocks. */
  readonly blockTokens: number;
}

/** What a device holds while a model is served. */
export interface Residency {
  readonly weightBytes: number;
  readonly activationBytes: number;
  /** Context, links and graphs. */
  readonly engineBytes: number;
  /** Left for keys and values; below 0 where not even the weights fit. */
  readonly cacheBytes: number;
  /** @returns bytes of keys and values of one sequence, on a device. */
  bytesOf(tokens: number): number;
  /** @returns sequences of so many tokens each that fit together, on one group of devices. */
  sequencesOf(tokens: number): number;
}

/** How a model is spread, and in what its cache is kept. */
export interface ServedSplit {
  readonly parallelism: Parallelism;
  readonly kernels: KernelSetting;
}

/** Logits are sampled from in f32: themselves, and what sampling makes of them. */
const SAMPLER_BYTES = 2 * 4;

/** @returns bytes of a device that an engine keeps for itself. */
export function engineBytes(
  { contextBytes, graphBytes, linkBytes }: EngineMemory,
  parallelism: Parallelism,
): number {
  const several = Object.values(parallelism).some((degree) => degree > 1);
  return contextBytes + graphBytes + (several ? linkBytes : 0);
}

/**
 * Counts what fits: the share of the memory that an engine takes, less the weights, the fullest pass and what
 * the engine keeps for itself, is the cache.
 * @param architecture as it is served (`servedIn`).
 * @param deviceBytes of one device.
 * @param share null = what the engine takes unless told otherwise.
 */
export function residency(
  architecture: ModelArchitecture,
  { parallelism, kernels }: ServedSplit,
  memory: EngineMemory,
  deviceBytes: number,
  share: number | null = null,
): Residency {
  const bits = cacheBitsOf(kernels.cache);
  const heldBy = (batch: PassRequest['batch']) =>
    passMemory(architecture, {
      phase: 'prefill',
      batch,
      parallelism,
      cacheBits: { key: bits, value: bits },
    });
  const bytesOf = (tokens: number) =>
    heldBy([{ sequences: 1, newTokens: 1, cachedTokens: tokens - 1 }]).kvCache;
  const { passTokens, mostSequences } = memory;
  const each = Math.ceil(passTokens / mostSequences);
  const fullest = heldBy([{ sequences: mostSequences, newTokens: each, cachedTokens: 0 }]);
  const activationBytes = fullest.activations + mostSequences * architecture.vocabulary * SAMPLER_BYTES;
  const own = engineBytes(memory, parallelism);
  const held = fullest.weights + own + (memory.holdsActivations ? activationBytes : 0);
  const of = share ?? memory.share;
  const cacheBytes = memory.shareOf === 'device' ? of * deviceBytes - held : of * (deviceBytes - held);
  return {
    weightBytes: fullest.weights,
    activationBytes,
    engineBytes: own,
    cacheBytes,
    bytesOf,
    sequencesOf: (tokens) => {
      const cells = Math.ceil(tokens / memory.blockTokens) * memory.blockTokens;
      return Math.max(0, Math.floor(cacheBytes / bytesOf(cells)));
    },
  };
}
