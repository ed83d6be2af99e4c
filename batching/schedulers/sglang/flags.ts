import { z } from 'zod';
import type { Options } from '../../../core/experiment/experiment.js';
import type { SchedulerDevice } from '../device.js';

/**
 * Flags of SGLang 0.5 with its defaults (`sglang/srt/server_args.py`, constants of `environ.py`). The size of
 * a chunk is that of GPUs with 60 to 160 GiB (`sglangDefaultsOn` for others).
 */
export const sglangFlags = z.strictObject({
  chunkedPrefillSize: z.int().min(-1).default(8192).describe('Tokens of prompts in one step; -1 = no limit.'),
  maxPrefillTokens: z.int().min(1).default(16_384).describe('Tokens of prompts that start in one step.'),
  maxRunningRequests: z.int().min(1).default(2048).describe('Requests that run at once.'),
  scheduleConservativeness: z
    .number()
    .positive()
    .default(1)
    .describe('How much of the answers is reserved before others start: more is safer.'),
  enableMixedChunk: z.boolean().default(false).describe('Decodes take part in steps with prompts.'),
  disableRadixCache: z.boolean().default(false).describe('Nothing stays for prompts that begin alike.'),
  schedulerRecvInterval: z
    .int()
    .min(1)
    .default(1)
    .describe('Steps of decodes alone from one look at what has come to the next.'),
  disableOverlapSchedule: z
    .boolean()
    .default(false)
    .describe('A step is put together only when the one before has ended.'),
  pageSize: z.int().min(1).max(1024).default(1).describe('Tokens of a page of the cache.'),
});

export type SglangFlags = z.output<typeof sglangFlags>;

/** @returns where the defaults on a device are others (`_handle_gpu_memory_settings` of `server_args.py`). */
export function sglangDefaultsOn({ memoryGiB }: SchedulerDevice): Partial<SglangFlags> {
  if (memoryGiB < 35) return { chunkedPrefillSize: 2048 };
  if (memoryGiB < 60) return { chunkedPrefillSize: 4096 };
  return memoryGiB < 160 ? {} : { chunkedPrefillSize: 16_384 };
}

/** @returns what a sweep's options of its runner say (core/runners/server/profiles/sglang.yaml). */
export function sglangFlagsAsked(options: Options): Partial<SglangFlags> {
  const { maxSequences, batchedTokens, chunkedPrefill, prefixCaching } = options;
  return {
    ...(typeof maxSequences === 'number' && { maxRunningRequests: maxSequences }),
    ...(typeof batchedTokens === 'number' && {
      chunkedPrefillSize: batchedTokens,
      maxPrefillTokens: batchedTokens,
    }),
    ...(chunkedPrefill === false && { chunkedPrefillSize: -1 }),
    ...(typeof prefixCaching === 'boolean' && { disableRadixCache: !prefixCaching }),
  };
}
