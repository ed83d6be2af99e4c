import { z } from 'zod';
import type { Options } from '../../../core/experiment/experiment.js';

/**
 * Flags of llama-server (llama.cpp b8000 and later, `common/arg.cpp`) with its defaults. The context is
 * shared out evenly among slots; the copies of prompts in main memory (`--cache-ram`) are not simulated.
 */
export const llamaServerFlags = z.strictObject({
  parallel: z.int().min(1).default(4).describe('Slots: requests that run at once.'),
  ctxSize: z
    .int()
    .min(0)
    .default(0)
    .describe('Tokens of all slots together; 0 = what the memory has room for.'),
  batchSize: z.int().min(1).default(2048).describe('Tokens of a step.'),
  ubatchSize: z.int().min(1).default(512).describe('Tokens of one pass through the model.'),
  kvUnified: z
    .boolean()
    .default(false)
    .describe(
      'One cache for all slots: prompts share passes with decodes. It is on where nobody says --parallel.',
    ),
  cachePrompt: z.boolean().default(true).describe('A slot keeps its text for prompts that begin with it.'),
  slotPromptSimilarity: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Share of a prompt that a slot has to know to be chosen for it.'),
});

export type LlamaServerFlags = z.output<typeof llamaServerFlags>;

/**
 * @returns what a sweep's options of its runner say (core/runners/server/profiles/llama-server.yaml): a
 *   context is of a slot there.
 */
export function llamaServerFlagsAsked(options: Options): Partial<LlamaServerFlags> {
  const { maxSequences, maxContext, batch, ubatch, prefixCaching } = options;
  return {
    // Slots share a cache where nobody says how many there are.
    ...(typeof maxSequences === 'number' ? { parallel: maxSequences } : { kvUnified: true }),
    ...(typeof maxContext === 'number' && { ctxSize: maxContext * Number(maxSequences ?? 1) }),
    ...(typeof batch === 'number' && { batchSize: batch }),
    ...(typeof ubatch === 'number' && { ubatchSize: ubatch }),
    ...(typeof prefixCaching === 'boolean' && { cachePrompt: prefixCaching }),
  };
}
