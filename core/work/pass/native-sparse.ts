import type { DotProductAttention, NativeSparseShape } from '../architecture.js';
import type { OperatorWork } from '../work.js';
import { cacheStore } from './cache-store.js';
import { elementwise } from './elementwise.js';
import type { LayerPass } from './layer-pass.js';
import { linear } from './linear.js';
import { operator } from './operators.js';
import { SOFTMAX_OPERATIONS } from './scores.js';

/** Branches: compressed, selected, window. */
const BRANCHES = 3;

/**
 * Native sparse attention (arXiv 2502.11089): every query meets one compressed key for each `compressStride`
 * tokens before it, the tokens of `selectCount` blocks, and the last `window`. Decided where the paper leaves
 * it open: the importance of blocks is summed from the scores of the compressed branch, which are reused; an
 * unfinished block has no compressed key; the learned compression is one matrix from a block's elements to a
 * head's; queries of a pass share no reading of selected blocks, but all heads of a group do.
 */
export function sparseAttention(
  pass: LayerPass,
  shape: DotProductAttention,
  sparse: NativeSparseShape,
): OperatorWork[] {
  const { heads, kvHeads, keyLength, valueLength } = shape;
  const { batch, tokens, cacheBits, activationBytes, arithmetic } = pass;
  const seen = { compressed: 0, selected: 0, window: 0, blocks: 0 };
  for (const { sequences, newTokens, cachedTokens } of batch) {
    const last = blocksOf(cachedTokens + newTokens, sparse);
    seen.blocks += sequences * (last - blocksOf(cachedTokens, sparse));
    for (let i = 1; i <= newTokens; i++) {
      const before = cachedTokens + i;
      seen.compressed += sequences * blocksOf(before, sparse);
      seen.selected += sequences * Math.min(before, sparse.selectCount * sparse.selectBlock);
      seen.window += sequences * Math.min(before, sparse.window);
    }
  }
  const pairs = seen.compressed + seen.selected + seen.window;
  const cacheBytes = (keyLength * cacheBits.key + valueLength * cacheBits.value) / 8;
  const values = tokens * heads * valueLength;
  return [
    cacheStore(pass, BRANCHES * tokens * kvHeads, keyLength, valueLength),
    compression(pass, shape, sparse, seen.blocks),
    operator({
      name: 'attention',
      module: 'attention',
      class: 'attention',
      arithmetic: arithmetic.attention,
      flops: 2 * heads * pairs * (keyLength + valueLength),
      traffic: {
        cacheRead: pairs * kvHeads * cacheBytes,
        activationsRead: BRANCHES * tokens * heads * keyLength * activationBytes,
        activationsWritten: BRANCHES * tokens * heads * valueLength * activationBytes,
      },
    }),
    elementwise(pass, {
      name: 'softmax',
      module: 'attention',
      flops: SOFTMAX_OPERATIONS * heads * pairs,
    }),
    elementwise(pass, {
      name: 'select_blocks',
      module: 'attention',
      // Summed over the heads of a group, then over the compressed blocks of a selection block.
      flops: heads * seen.compressed,
      read: heads * seen.compressed,
    }),
    ...linear(
      pass,
      { ...shape.query, outputs: BRANCHES * heads, bias: false },
      { name: 'branch_gate', module: 'attention', rows: tokens },
    ),
    elementwise(pass, {
      name: 'branch_sum',
      module: 'attention',
      flops: (2 * BRANCHES - 1) * tokens * heads * valueLength,
      read: BRANCHES * values,
      written: values,
    }),
  ];
}

/** @returns blocks of `compressBlock` tokens that are complete. */
function blocksOf(tokens: number, { compressBlock, compressStride }: NativeSparseShape): number {
  return tokens < compressBlock ? 0 : Math.floor((tokens - compressBlock) / compressStride) + 1;
}

/** Keys and values of blocks that became complete in this pass. */
function compression(
  pass: LayerPass,
  { kvHeads, keyLength, valueLength, key }: DotProductAttention,
  { compressBlock }: NativeSparseShape,
  blocks: number,
): OperatorWork {
  const { cacheBits } = pass;
  const weights = compressBlock * (keyLength * keyLength + valueLength * valueLength);
  const bytes = (keyLength * cacheBits.key + valueLength * cacheBits.value) / 8;
  return operator({
    name: 'compress',
    module: 'attention',
    class: 'matmul',
    arithmetic: pass.arithmetic.matrix,
    flops: 2 * blocks * kvHeads * weights,
    traffic: {
      weightsRead: blocks === 0 ? 0 : (weights * key.bits) / 8,
      cacheRead: blocks * kvHeads * compressBlock * bytes,
      cacheWritten: blocks * kvHeads * bytes,
    },
  });
}
