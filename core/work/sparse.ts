import type { Options } from '../experiment/experiment.js';
import { CELLS, type EnginePasses } from './engine-passes.js';
import type { PackedMatrices } from './packed.js';
import { FLASH, type PassRequest } from './pass/setting.js';

/** Tokens of all sequences that are computed at once, at most. */
export const AT_ONCE = 512;

/**
 * What the runner `sparse` does with a model: our own graphs on ggml. Vectors are rounded to the type of the packed weights and
 * multiplied in its arithmetic; attention is llama.cpp's flash attention over a cache in f16. Every layer sees all tokens of a
 * pass, and each pass makes the logits of the last token of each sequence, also in the middle of a prompt.
 */
function settingOf(options: Options): Omit<PassRequest, 'phase' | 'batch'> {
  const arithmetic = (options.sparseType ?? 'bf16') as PackedMatrices['type'];
  return {
    activationBits: 32,
    cacheBits: { key: 16, value: 16 },
    arithmetic: { matrix: arithmetic, quantizedMatrix: arithmetic, attention: 'f16', vector: 'f32' },
    attention: { ...FLASH, maskKeys: CELLS, queryBlock: null },
    logits: 'last',
    selectsRows: true,
  };
}

export const sparsePasses: EnginePasses = {
  prefill({ promptTokens, parallel, contextDepth }, options) {
    const most = Math.max(1, Math.floor(AT_ONCE / parallel));
    const passes: PassRequest[] = [];
    for (let done = 0; done < promptTokens; done += most) {
      const newTokens = Math.min(most, promptTokens - done);
      const batch = [{ sequences: parallel, newTokens, cachedTokens: contextDepth + done }];
      passes.push({ ...settingOf(options), phase: 'prefill', batch });
    }
    return passes;
  },
  decode({ parallel }, cachedTokens, options) {
    const batch = [{ sequences: parallel, newTokens: 1, cachedTokens }];
    return { ...settingOf(options), phase: 'decode', batch };
  },
};
