import { z } from 'zod';
import type { Options } from '../../../core/experiment/experiment.js';
import type { SchedulerDevice } from '../device.js';

/**
 * Flags of vLLM 0.24 with the defaults of its server (`vllm/config/scheduler.py`,
 * `vllm/engine/arg_utils.py`). Tokens and sequences are those of GPUs with 70 GiB and more
 * (`vllmDefaultsOn` for others).
 */
export const vllmFlags = z.strictObject({
  maxNumBatchedTokens: z.int().min(1).default(8192).describe('Tokens of a step.'),
  maxNumSeqs: z.int().min(1).default(1024).describe('Requests that run at once.'),
  enableChunkedPrefill: z.boolean().default(true).describe('Prompts are cut to what is left of a step.'),
  longPrefillTokenThreshold: z
    .int()
    .min(0)
    .default(0)
    .describe('Tokens of a prompt in one step; 0 = no limit.'),
  schedulerReserveFullIsl: z
    .boolean()
    .default(true)
    .describe('A prompt starts once there are blocks for all of it, not for its first chunk alone.'),
  enablePrefixCaching: z
    .boolean()
    .default(true)
    .describe('Full blocks stay for prompts that begin with them.'),
  asyncScheduling: z.boolean().default(true).describe('The next step is put together while one is computed.'),
  blockSize: z.int().min(1).max(1024).default(16).describe('Tokens of a block of the cache.'),
});

export type VllmFlags = z.output<typeof vllmFlags>;

/** As its server has them on one CPU (0.32, `vllm/engine/arg_utils.py`, `vllm/platforms/cpu.py`). */
const ON_CPU: Partial<VllmFlags> = {
  maxNumBatchedTokens: 2048,
  maxNumSeqs: 128,
  asyncScheduling: false,
  blockSize: 128,
};

/**
 * @returns where the defaults on a device are others (`get_batch_defaults` of `vllm/engine/arg_utils.py`).
 */
export function vllmDefaultsOn({ memoryGiB, name, isCpu }: SchedulerDevice): Partial<VllmFlags> {
  if (isCpu === true) return ON_CPU;
  const large = memoryGiB >= 70 && !/a100/i.test(name);
  return large ? {} : { maxNumBatchedTokens: 2048, maxNumSeqs: 256 };
}

/** @returns what a sweep's options of its runner say (core/runners/server/profiles/vllm.yaml). */
export function vllmFlagsAsked(options: Options): Partial<VllmFlags> {
  const { maxSequences, batchedTokens, chunkedPrefill, prefixCaching } = options;
  return {
    ...(typeof maxSequences === 'number' && { maxNumSeqs: maxSequences }),
    ...(typeof batchedTokens === 'number' && { maxNumBatchedTokens: batchedTokens }),
    ...(typeof chunkedPrefill === 'boolean' && { enableChunkedPrefill: chunkedPrefill }),
    ...(typeof prefixCaching === 'boolean' && { enablePrefixCaching: prefixCaching }),
  };
}
