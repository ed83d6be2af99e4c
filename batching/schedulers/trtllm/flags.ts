import { z } from 'zod';
import type { Options } from '../../../core/experiment/experiment.js';

/** Flags of TensorRT-LLM 1.3 with the defaults of `trtllm-serve` (`tensorrt_llm/llmapi/llm_args.py`). */
export const trtllmFlags = z.strictObject({
  maxNumTokens: z.int().min(1).default(8192).describe('Tokens of a step.'),
  maxBatchSize: z.int().min(1).default(2048).describe('Requests that run at once.'),
  capacitySchedulerPolicy: z
    .enum(['GUARANTEED_NO_EVICT', 'MAX_UTILIZATION'])
    .default('GUARANTEED_NO_EVICT')
    .describe('A request starts once there is room for all of its answer, or for what it has now.'),
  enableChunkedPrefill: z.boolean().default(false).describe('Prompts are cut to what is left of a step.'),
  batchWaitTimeoutIters: z
    .int()
    .min(0)
    .default(0)
    .describe('Steps that prompts wait for others while there is something to decode.'),
  batchWaitMaxTokensRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Share of the tokens of a step from which on they wait no longer.'),
  enableBlockReuse: z.boolean().default(true).describe('Full blocks stay for prompts that begin with them.'),
  disableOverlapScheduler: z
    .boolean()
    .default(false)
    .describe('A step is put together only when the one before has ended.'),
  tokensPerBlock: z.int().min(1).max(1024).default(32).describe('Tokens of a block of the cache.'),
});

export type TrtllmFlags = z.output<typeof trtllmFlags>;

/** @returns what a sweep's options of its runner say (core/runners/server/profiles/tensorrt-llm.yaml). */
export function trtllmFlagsAsked({
  maxSequences,
  batchedTokens,
  chunkedPrefill,
}: Options): Partial<TrtllmFlags> {
  return {
    ...(typeof maxSequences === 'number' && { maxBatchSize: maxSequences }),
    ...(typeof batchedTokens === 'number' && { maxNumTokens: batchedTokens }),
    ...(typeof chunkedPrefill === 'boolean' && { enableChunkedPrefill: chunkedPrefill }),
  };
}
