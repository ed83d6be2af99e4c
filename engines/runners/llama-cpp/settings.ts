import { type FailureError, failed } from '../../../core/errors.js';
import { isQuantized } from '../../../core/techniques/tensor-types.js';
import { sharesAsked } from '../../../core/work/llama-cpp.js';
import { type LlamaCppOptions, llamaCppOptions } from '../../../core/work/llama-cpp-options.js';

type OnDevice = 'threads' | 'tensorSplit' | 'rpcServers';

/** What the runner's options come to on a device. */
export interface Settings extends Omit<LlamaCppOptions, OnDevice | 'gpus' | 'engine'> {
  readonly threads: number;
  /** Shares of the devices; null = by their free memory, or evenly where every matrix is shared. */
  readonly tensorSplit: readonly number[] | null;
  /** Names of RPC servers whose devices the model is split over, too. */
  readonly rpcServers: readonly string[];
}

const DEFAULTS = llamaCppOptions.parse({});

/**
 * @param options what is left out has its default.
 * @param cpus logical CPUs of the device: the number of threads when none is given.
 * @throws FailureError `impossible-combination` for options that cannot be together.
 */
export function settingsOf(options: Partial<LlamaCppOptions>, cpus: number): Settings {
  const { gpus: _, engine: __, ...asked } = { ...DEFAULTS, ...options };
  const { kvCacheTypeV, flashAttention } = asked;
  if (isQuantized(kvCacheTypeV) && flashAttention === false) {
    throw impossible(
      `kvCacheTypeV: ${kvCacheTypeV} needs flash attention, but flashAttention is false.`,
      'Exclude this pair in the sweep, or set flashAttention to true.',
    );
  }
  return {
    ...asked,
    threads: asked.threads ?? cpus,
    tensorSplit: sharesAsked(asked),
    rpcServers: asked.rpcServers?.split('/') ?? [],
  };
}

export function impossible(message: string, hint: string): FailureError {
  return failed('impossible-combination', message, hint);
}
