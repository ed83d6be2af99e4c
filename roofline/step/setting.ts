import type { NumberFormat } from '../../core/work/operator-call.js';
import type { KernelSetting, Parallelism } from '../../core/work/pass/setting.js';

/** What an engine takes beside kernels. What nobody fitted is null, and counts as nothing. */
export interface HostTimes {
  /** Of the time of kernels: what runs beside others, or waits for them, is not in tables. */
  readonly kernelFactor: number | null;
  /**
   * Of the time of kernels that read prompts, where a CPU has others for many tokens than for few; left out =
   * as `kernelFactor`.
   */
  readonly promptFactor?: number | undefined;
  /**
   * Scheduling, launching, sampling and gaps of a step, and what they grow by with each new token: of a
   * prompt, or of a sequence that decodes.
   */
  readonly stepSeconds: number | null;
  readonly tokenSeconds: number | null;
  /** Of a request on its way in and out, beside all steps. */
  readonly requestSeconds: number | null;
  /**
   * Standard deviation of ln(predicted / measured) of whole runs that is left once these are fitted; null =
   * nobody looked, and the spread is that of operators alone.
   */
  readonly spread: number | null;
  /** Where they come from: a clause. */
  readonly source: string;
}

export const NO_HOST: HostTimes = {
  kernelFactor: null,
  stepSeconds: null,
  tokenSeconds: null,
  requestSeconds: null,
  spread: null,
  source: 'nobody fitted them',
};

/** @returns whether anything of it was fitted. */
export function isFitted({ kernelFactor, stepSeconds, tokenSeconds, requestSeconds }: HostTimes): boolean {
  return [kernelFactor, stepSeconds, tokenSeconds, requestSeconds].some((one) => one !== null);
}

/**
 * @param tables whose times of kernels they are.
 * @returns what a prediction rests on, as tables and pages say it.
 */
export function sourceOf(tables: string, host: HostTimes): string {
  return isFitted(host) ? `${tables}, host times ${host.source}` : tables;
}

/**
 * @param newTokens of the steps, over all of them.
 * @returns seconds of kernels and of what the host takes around them.
 */
export function withHost(
  kernelSeconds: number,
  steps: number,
  newTokens: number,
  {
    kernelFactor,
    stepSeconds,
    tokenSeconds,
  }: Pick<HostTimes, 'kernelFactor' | 'stepSeconds' | 'tokenSeconds'>,
): number {
  return kernelSeconds * (kernelFactor ?? 1) + steps * (stepSeconds ?? 0) + newTokens * (tokenSeconds ?? 0);
}

/** CUDA graphs: a step of few tokens is padded to the next size, one of more is launched kernel by kernel. */
export interface GraphSetting {
  /** Ascending. */
  readonly sizes: readonly number[];
  /** That the host takes for each kernel outside of graphs; null = it keeps ahead of the device. */
  readonly launchSeconds: number | null;
}

export const NO_GRAPHS: GraphSetting = { sizes: [], launchSeconds: null };

/** How a model is served, beside its shapes. */
export interface StepSetting {
  readonly parallelism: Parallelism;
  readonly kernels: KernelSetting;
  readonly graphs: GraphSetting;
  readonly host: HostTimes;
}

/** Sequences of a step that have a piece of their prompt computed in it. */
export interface Chunk {
  readonly newTokens: number;
  /** Of the same sequence, before these. */
  readonly cachedTokens: number;
}

/** What one forward pass computes, of one group of devices with an attention of its own. */
export interface StepBatch {
  /** Sequences that get a token each, and the mean number of tokens they attend to, the new one included. */
  readonly decodes: number;
  readonly contextTokens: number;
  /**
   * New tokens of each of them; left out = 1, more where a draft's tokens are verified: these are all sampled
   * from, and read the cache of their sequence once.
   */
  readonly decodeTokens?: number;
  readonly chunks: readonly Chunk[];
}

/** @returns new tokens of all sequences. */
export function tokensOf({ decodes, decodeTokens = 1, chunks }: StepBatch): number {
  let tokens = decodes * decodeTokens;
  for (const { newTokens } of chunks) tokens += newTokens;
  return tokens;
}

/** @returns formats of queries and cache, and no kernels that quantize alone. */
export function kernelsIn(cache: NumberFormat, attention: NumberFormat = 'bf16'): KernelSetting {
  return {
    attention,
    cache,
    quantizes: [],
  };
}
