import type { ModelArchitecture } from './architecture.js';
import type { EnginePasses } from './engine-passes.js';
import { type PassRequest, UNFUSED } from './pass/setting.js';

/** Tokens of one pass, as the runner `onnx` cuts prompts. @param batch tokens of all sequences together. */
export function tokensAtOnce(batch: number, sequences: number): number {
  return Math.max(1, Math.floor(batch / sequences));
}

/**
 * What ONNX Runtime does with a decoder: the type of its vectors is the type of its activations and of its cache, and every layer sees
 * all tokens of a pass. Logits are of all of them, unless the graph lets a caller keep the last (`graphLogits`). Scores of attention are
 * counted as written out; kernels that fuse it (GroupQueryAttention) may move less.
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

export const onnxPasses: EnginePasses = {
  prefill({ promptTokens, parallel, contextDepth }, options, architecture) {
    const most = tokensAtOnce(typeof options.batch === 'number' ? options.batch : 2048, parallel);
    const passes: PassRequest[] = [];
    for (let done = 0; done < promptTokens; done += most) {
      const newTokens = Math.min(most, promptTokens - done);
      const batch = [{ sequences: parallel, newTokens, cachedTokens: contextDepth + done }];
      passes.push({ ...settingOf(architecture), phase: 'prefill', batch });
    }
    return passes;
  },
  decode({ parallel }, cachedTokens, _options, architecture) {
    const batch = [{ sequences: parallel, newTokens: 1, cachedTokens }];
    return { ...settingOf(architecture), phase: 'decode', batch };
  },
};
