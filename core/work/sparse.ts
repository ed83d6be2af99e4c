import { z } from 'zod';
import { CELLS, passesUnder } from './engine-passes.js';
import { FLASH, type PassRequest } from './pass/setting.js';

const SPARSE_TYPES = ['bf16', 'int8'] as const;
export type SparseType = (typeof SPARSE_TYPES)[number];

/** Option of the runner `sparse`. */
export const sparseType = z
  .enum(SPARSE_TYPES)
  .default('bf16')
  .describe('Type of the weights of linear layers and of what they are multiplied with.');

/** Tokens of all sequences that are computed at once, at most. */
export const AT_ONCE = 512;

/**
 * What the runner `sparse` does with a model: our own graphs on ggml. Vectors are rounded to the type of the
 * packed weights and multiplied in its arithmetic; attention is llama.cpp's flash attention over a cache in
 * f16. Every layer sees all tokens of a pass, and each pass makes the logits of the last token of each
 * sequence, also in the middle of a prompt.
 */
function settingOf(arithmetic: SparseType): Omit<PassRequest, 'phase' | 'batch'> {
  return {
    activationBits: 32,
    cacheBits: { key: 16, value: 16 },
    arithmetic: { matrix: arithmetic, quantizedMatrix: arithmetic, attention: 'f16', vector: 'f32' },
    attention: { ...FLASH, maskKeys: CELLS, queryBlock: null },
    logits: 'last',
    selectsRows: true,
  };
}

export const sparsePasses = passesUnder(z.object({ sparseType }), {
  prefill({ promptTokens, sequences, contextDepth }, options) {
    const most = Math.max(1, Math.floor(AT_ONCE / sequences));
    const passes: PassRequest[] = [];
    for (let done = 0; done < promptTokens; done += most) {
      const newTokens = Math.min(most, promptTokens - done);
      const batch = [{ sequences, newTokens, cachedTokens: contextDepth + done }];
      passes.push({ ...settingOf(options.sparseType), phase: 'prefill', batch });
    }
    return passes;
  },
  decode({ sequences }, cachedTokens, options) {
    const batch = [{ sequences, newTokens: 1, cachedTokens }];
    return { ...settingOf(options.sparseType), phase: 'decode', batch };
  },
});
