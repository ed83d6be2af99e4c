import { z } from 'zod';
import type { ModelArchitecture } from './architecture.js';
import { batch as batchOption } from './cpu-options.js';
import { passesUnder } from './engine-passes.js';
import { type PassRequest, UNFUSED } from './pass/setting.js';

/** Tokens of one pass, as the runner `onnx` cuts prompts. @param batch tokens of all sequences together. */
export function tokensAtOnce(batch: number, sequences: number): number {
  return Math.max(1, Math.floor(batch / sequences));
}

/**
 * What ONNX Runtime does with a decoder: the type of its vectors is the type of its activations and of its
 * cache, and every layer sees all tokens of a pass. Logits are of all of them, unless the graph lets a caller
 * keep the last (`graphLogits`). Scores of attention are counted as written out; kernels that fuse it
 * (GroupQueryAttention) may move less.
 */
function settingOf(architecture: ModelArchitecture): Omit<PassRequest, 'phase' | 'batch'> {
  const bits = architecture.vectorBits;
  const arithmetic = bits === 16 ? 'f16' : 'f32';
  return {
    activationBits: bits,
    cacheBits: { key: bits, value: bits },
    arithmetic: { matrix: arithmetic, quantizedMatrix: 'int8', attention: arithmetic, vector: 'f32' },
    attention: { ...UNFUSED, queryBlock: null },
    logits: architecture.graphLogits ?? 'all',
  };
}

export const onnxPasses = passesUnder(z.object({ batch: batchOption }), {
  prefill({ promptTokens, sequences, contextDepth }, { batch: tokens }, architecture) {
    const most = tokensAtOnce(tokens, sequences);
    const passes: PassRequest[] = [];
    for (let done = 0; done < promptTokens; done += most) {
      const newTokens = Math.min(most, promptTokens - done);
      const batch = [{ sequences, newTokens, cachedTokens: contextDepth + done }];
      passes.push({ ...settingOf(architecture), phase: 'prefill', batch });
    }
    return passes;
  },
  decode({ sequences }, cachedTokens, _options, architecture) {
    const batch = [{ sequences, newTokens: 1, cachedTokens }];
    return { ...settingOf(architecture), phase: 'decode', batch };
  },
});
