import { type FailureError, failed } from '../../../core/errors.js';
import type { AxisValue, Options } from '../../../core/experiment/experiment.js';
import { nodeDemands } from '../../../core/runners/node-demands.js';
import { isQuantized, KV_CACHE_TYPES } from '../../../core/techniques/tensor-types.js';
import { sharesAsked } from '../../../core/work/llama-cpp.js';

/** The runner's options, checked. */
export interface Settings {
  readonly flashAttention: boolean | 'auto';
  /** ggml's names of types. */
  readonly kvCacheTypeK: string;
  readonly kvCacheTypeV: string;
  readonly threads: number;
  readonly batch: number;
  readonly ubatch: number;
  readonly gpuLayers: number | 'all';
  /** How a model is split over several devices. */
  readonly splitMode: 'layer' | 'tensor';
  /** Index of the device that has what is not split. */
  readonly mainGpu: number;
  /** Shares of the devices; null = by their free memory, or evenly where every matrix is shared. */
  readonly tensorSplit: readonly number[] | null;
  /** Names of RPC servers whose devices the model is split over, too. */
  readonly rpcServers: readonly string[];
  readonly mmap: boolean;
  readonly cpuBackend: 'shipped' | 'native';
  /** How eagerly idle threads spin, 0 (sleep) to 100. */
  readonly poll: number;
}

/**
 * Reads the options of one experiment; what is absent gets its default.
 * @param cpus logical CPUs of the device: the number of threads when none is given.
 * @throws FailureError `impossible-combination` naming the option that cannot be.
 */
export function readSettings(options: Options, cpus: number): Settings {
  const settings: Settings = {
    flashAttention: pick(options, 'flashAttention', 'auto', [true, false, 'auto']),
    kvCacheTypeK: pick(options, 'kvCacheTypeK', 'f16', KV_CACHE_TYPES),
    kvCacheTypeV: pick(options, 'kvCacheTypeV', 'f16', KV_CACHE_TYPES),
    threads: whole(options, 'threads', cpus, 1, MAX_THREADS),
    batch: whole(options, 'batch', 2048, 1, 1 << 20),
    ubatch: whole(options, 'ubatch', 512, 1, 1 << 20),
    gpuLayers: options.gpuLayers === 'all' ? 'all' : whole(options, 'gpuLayers', 'all', 0, 1 << 16),
    splitMode: pick(options, 'splitMode', 'layer', ['layer', 'tensor']),
    mainGpu: whole(options, 'mainGpu', 0, 0, 1 << 16),
    tensorSplit: sharesAsked(options),
    rpcServers: nodeDemands(options).rpcServers,
    mmap: pick(options, 'mmap', true, [true, false]),
    cpuBackend: pick(options, 'cpuBackend', 'shipped', ['shipped', 'native']),
    poll: whole(options, 'poll', 50, 0, 100),
  };
  if (isQuantized(settings.kvCacheTypeV) && settings.flashAttention === false) {
    throw impossible(
      `kvCacheTypeV: ${settings.kvCacheTypeV} needs flash attention, but flashAttention is false.`,
      'Exclude this pair in the sweep, or set flashAttention to true.',
    );
  }
  return settings;
}

/** GGML_MAX_N_THREADS of ggml.h. */
const MAX_THREADS = 512;

export function pick<const T extends AxisValue>(
  options: Options,
  name: string,
  fallback: T,
  allowed: readonly T[],
): T {
  const value = options[name] ?? fallback;
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) {
    throw impossible(
      `${name}: ${String(value)} is not one of ${allowed.join(', ')}.`,
      `Correct ${name} in the sweep.`,
    );
  }
  return found;
}

export function whole<T extends AxisValue>(
  options: Options,
  name: string,
  fallback: T,
  min: number,
  max: number,
): number | T {
  const value = options[name] ?? null;
  if (value === null) return fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw impossible(
      `${name}: ${String(value)} is not a whole number from ${min} to ${max}.`,
      `Correct ${name} in the sweep.`,
    );
  }
  return value;
}

export function impossible(message: string, hint: string): FailureError {
  return failed('impossible-combination', message, hint);
}
