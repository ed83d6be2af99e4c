import { type Ask, ask } from './row.js';
import type { Counting } from './setting.js';

/** Steps of a softmax: maximum, subtract, exponentiate, sum, divide. */
const SOFTMAX_OPERATIONS = 5;

/** Attention of one layer; never divided over devices, and every query sees every token. */
export function attention(counting: Counting, flash: boolean): Ask[] {
  return flash ? [fused(counting)] : separate(counting);
}

function separate(counting: Counting): Ask[] {
  const { stage, model, batch, queries, sequence, headLength, activationBytes, cacheBytes } = counting;
  const { heads, kvHeads } = model;
  const matrix = matrixOperations(counting);
  const scores = queries * sequence * batch * heads * activationBytes;
  const vectors = (count: number) => queries * headLength * batch * count * activationBytes;
  const loadCache = sequence * headLength * batch * kvHeads * cacheBytes;
  return [
    ask('qk_matmul', matrix, {
      // The queries of a prefill are counted by the key/value heads: LLM-Viewer's slip, kept.
      loadActivation: vectors(stage === 'prefill' ? kvHeads : heads),
      storeActivation: scores,
      loadCache,
    }),
    ask('sv_matmul', matrix, { loadActivation: scores, storeActivation: vectors(heads), loadCache }),
    ask('softmax', softmaxOperations(counting), { loadActivation: scores, storeActivation: scores }),
  ];
}

/**
 * Flash attention as one operator, after FlashAttention-2 (arXiv 2307.08691): blocks of rows, each of which reads all K and V.
 * Output is counted as wide as the scores (issue 26 there), which hides what flash attention saves.
 */
function fused(counting: Counting): Ask {
  const { model, hardware, batch, queries, sequence, headLength, activationBytes, cacheBytes } = counting;
  const { heads, kvHeads } = model;
  const rows = Math.min(Math.ceil(hardware.onChipBytes / (cacheBytes * headLength)), headLength);
  const blocks = Math.ceil(queries / rows);
  return ask('fused_attention', 2 * matrixOperations(counting) + softmaxOperations(counting), {
    loadActivation: queries * headLength * batch * heads * activationBytes,
    storeActivation: queries * sequence * batch * heads * activationBytes * 2,
    loadCache: blocks * sequence * headLength * batch * kvHeads * cacheBytes * 2,
  });
}

function matrixOperations({ model, batch, queries, sequence, headLength }: Counting): number {
  return queries * sequence * headLength * model.heads * batch * 2;
}

function softmaxOperations({ model, batch, queries, sequence }: Counting): number {
  return batch * model.heads * sequence * queries * SOFTMAX_OPERATIONS;
}
