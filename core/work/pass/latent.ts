import type { LatentAttention, MatrixShape } from '../architecture.js';
import type { OperatorWork } from '../work.js';
import { cacheStore } from './cache-store.js';
import { norm, rope } from './elementwise.js';
import type { LayerPass } from './layer-pass.js';
import { linear } from './linear.js';
import { fromActivations, scores } from './scores.js';

/**
 * Multi-head latent attention (arXiv 2405.04434, section 2.1; DeepSeek-V3 inference/model.py): a token keeps
 * one vector of kvRank + ropeLength elements for all heads.
 */
export function latent(pass: LayerPass, shape: LatentAttention): OperatorWork[] {
  const { heads, kvRank, queryRank, ropeLength, headLength, downQuery, upQuery, downKeyValue } = shape;
  const { tokens: rows } = pass;
  const qkv = { module: 'qkv', rows } as const;
  const way = pass.attention.latent ?? (pass.phase === 'prefill' ? 'naive' : 'absorbed');
  return [
    ...(downQuery === null || queryRank === null
      ? linear(pass, upQuery, { ...qkv, name: 'q_proj' })
      : [
          ...linear(pass, downQuery, { ...qkv, name: 'q_a_proj' }),
          norm(pass, 'q_a_norm', rows, queryRank),
          ...linear(pass, upQuery, { ...qkv, name: 'q_b_proj' }),
        ]),
    ...linear(pass, downKeyValue, { ...qkv, name: 'kv_a_proj' }),
    norm(pass, 'kv_a_norm', rows, kvRank),
    ...rope(pass, heads + 1, headLength + ropeLength, ropeLength),
    cacheStore(pass, rows, kvRank + ropeLength, 0),
    ...(way === 'absorbed' ? absorbed(pass, shape) : naive(pass, shape)),
    ...linear(pass, shape.output, { module: 'output', rows, name: 'o_proj' }),
  ];
}

/**
 * Queries go into the space of the latents and results come out of it: 2 heads · headLength · kvRank FLOPs a
 * query, and as much for values; a pair then costs 2 heads (2 kvRank + ropeLength), and the cache is read
 * once for all heads.
 */
function absorbed(pass: LayerPass, shape: LatentAttention): OperatorWork[] {
  const { heads, kvRank, ropeLength } = shape;
  return [
    ...perHead(pass, shape.upKey, 'q_absorb', heads, 'from-head'),
    ...scores(pass, {
      queryHeads: heads,
      cacheHeads: 1,
      keyLength: kvRank + ropeLength,
      valueLength: kvRank,
      window: null,
      valuesInKeys: true,
    }),
    ...perHead(pass, shape.upValue, 'v_absorb', heads, 'to-head'),
  ];
}

/**
 * Keys and values of every head are made from the latents of all tokens that are seen, cached ones too: 2
 * kvRank · heads (headLength + valueLength) FLOPs a token; they are written and read as activations.
 */
function naive(pass: LayerPass, shape: LatentAttention): OperatorWork[] {
  const { heads, kvRank, ropeLength, headLength, valueLength, upKey, upValue } = shape;
  const { batch, activationBits, cacheBits } = pass;
  const seen = batch.reduce((sum, g) => sum + g.sequences * (g.cachedTokens + g.newTokens), 0);
  const up = { ...upKey, outputs: upKey.outputs + upValue.outputs };
  const latents = (seen * (kvRank + ropeLength) * cacheBits.key) / 8;
  const [product, ...rest] = linear(pass, up, { name: 'kv_b_proj', module: 'qkv', rows: seen });
  const expanded = {
    ...product!,
    traffic: { ...product!.traffic, activationsRead: 0, cacheRead: latents },
  };
  // What was expanded lies in memory in the activations' type.
  const local = { ...pass, cacheBits: { key: activationBits, value: activationBits } };
  return [
    expanded,
    ...rest,
    ...scores(local, {
      queryHeads: heads,
      cacheHeads: heads,
      keyLength: headLength + ropeLength,
      valueLength,
      window: null,
      valuesInKeys: false,
    }).map(fromActivations),
  ];
}

/** A matrix of [kvRank, heads · length] used head by head: from a head's elements to the latent, or back. */
function perHead(
  pass: LayerPass,
  matrix: MatrixShape,
  name: string,
  heads: number,
  direction: 'from-head' | 'to-head',
): OperatorWork[] {
  const { tokens: rows, activationBytes } = pass;
  const { inputs: rank, outputs: width } = matrix;
  const [read, written] = direction === 'from-head' ? [width, heads * rank] : [heads * rank, width];
  const [product, ...rest] = linear(pass, matrix, { name, module: 'qkv', rows });
  const traffic = {
    ...product!.traffic,
    activationsRead: rows * read * activationBytes,
    activationsWritten: rows * written * activationBytes,
  };
  return [{ ...product!, traffic }, ...rest];
}
