import type { LatentAttention, TokenIndexShape } from '../architecture.js';
import { indexKeyBytes } from '../kept.js';
import type { OperatorWork } from '../work.js';
import { elementwise, norm, rope } from './elementwise.js';
import type { LayerPass } from './layer-pass.js';
import { linear } from './linear.js';
import { operator } from './operators.js';
import { keysRead, pairs } from './pairs.js';
import { maskingOf } from './scores.js';

/** Scores and row numbers in 32 bits. */
const SCORE_BYTES = 4;
/** ReLU, the product with a head's weight and the sum over heads, for each head of a pair. */
const SUM_OPERATIONS = 3;

/**
 * Lightning indexer (DeepSeek-V3.2-Exp, inference/model.py, class Indexer; arXiv 2512.02556, equation 1): the
 * score of a token for a query is Σ w · ReLU(q · k) over the index's heads, 2 heads · headLength FLOPs a pair
 * in fp8; of the scores those of `chosen` tokens are kept. The turn by Hadamard's matrix before fp8 is left
 * out.
 */
export function tokenIndex(
  pass: LayerPass,
  { ropeLength }: LatentAttention,
  { heads, headLength, chosen, matrices }: TokenIndexShape,
): OperatorWork[] {
  if (matrices === null) return [];
  const { tokens: rows, activationBytes } = pass;
  const qkv = { module: 'qkv', rows } as const;
  const { all, kept, keys } = countsOf(pass, chosen);
  return [
    ...linear(pass, matrices.query, { ...qkv, name: 'index_q_proj' }),
    ...linear(pass, matrices.key, { ...qkv, name: 'index_k_proj' }),
    ...linear(pass, matrices.weight, { ...qkv, name: 'index_weight_proj' }),
    norm({ ...pass, norm: 'layer' }, 'index_k_norm', rows, headLength),
    ...rope(pass, heads + 1, headLength, ropeLength),
    operator({
      name: 'index_store',
      module: 'attention',
      class: 'elementwise',
      arithmetic: pass.arithmetic.vector,
      traffic: {
        activationsRead: rows * headLength * activationBytes,
        cacheWritten: rows * indexKeyBytes({ headLength }),
      },
    }),
    operator({
      name: 'index_scores',
      module: 'attention',
      class: 'attention',
      arithmetic: 'fp8',
      flops: 2 * heads * headLength * all,
      traffic: {
        cacheRead: keys * indexKeyBytes({ headLength }),
        activationsRead: rows * heads * (headLength + SCORE_BYTES),
        activationsWritten: all * SCORE_BYTES,
      },
    }),
    elementwise(pass, { name: 'index_sum', module: 'attention', flops: SUM_OPERATIONS * heads * all }),
    operator({
      name: 'index_choice',
      module: 'attention',
      class: 'elementwise',
      arithmetic: pass.arithmetic.vector,
      flops: all,
      traffic: { activationsRead: all * SCORE_BYTES, activationsWritten: kept * SCORE_BYTES },
    }),
  ];
}

/** Pairs of query and token: all, and those that are kept; and keys that are read. */
function countsOf({ batch, attention }: LayerPass, chosen: number) {
  const masking = maskingOf(attention);
  const counts = { all: 0, kept: 0, keys: 0 };
  for (const { sequences, newTokens, cachedTokens } of batch) {
    const span = { newTokens, cachedTokens, window: null };
    counts.all += sequences * pairs(span, masking);
    counts.kept += sequences * pairs({ ...span, window: chosen }, masking);
    counts.keys += sequences * keysRead(span, masking, attention.queryBlock);
  }
  return counts;
}
