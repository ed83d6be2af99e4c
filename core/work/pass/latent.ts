import type { LatentAttention, MatrixShape } from '../architecture.js';
import type { LatentCall } from '../operator-call.js';
import type { OperatorWork } from '../work.js';
import { cacheStore } from './cache-store.js';
import { norm, rope } from './elementwise.js';
import { inWholeLayer } from './latent-layer.js';
import type { LayerPass } from './layer-pass.js';
import { linear } from './linear.js';
import { calling, phaseOf } from './operators.js';
import { fromActivations, type Scores, scores } from './scores.js';
import { tokenIndex } from './token-index.js';

/**
 * Multi-head latent attention (arXiv 2405.04434, section 2.1; DeepSeek-V3 inference/model.py): a token keeps
 * one vector of kvRank + ropeLength elements for all heads.
 */
export function latent(pass: LayerPass, shape: LatentAttention): OperatorWork[] {
  const { heads, kvRank, queryRank, ropeLength, headLength, upQuery, index } = shape;
  const { tokens: rows } = pass;
  const qkv = { module: 'qkv', rows } as const;
  return inWholeLayer(pass, shape, [
    ...downProjections(pass, shape),
    ...(queryRank === null ? [] : [norm(pass, 'q_a_norm', rows, queryRank)]),
    ...(queryRank === null ? [] : linear(pass, upQuery, { ...qkv, name: 'q_b_proj' })),
    norm(pass, 'kv_a_norm', rows, kvRank),
    ...rope(pass, heads + 1, headLength + ropeLength, ropeLength),
    cacheStore(pass, rows, kvRank + ropeLength, 0),
    ...(index === undefined ? [] : tokenIndex(pass, shape, index)),
    ...(wayOf(pass, shape) === 'absorbed' ? absorbed(pass, shape) : naive(pass, shape)),
    ...linear(pass, shape.output, { module: 'output', rows, name: 'o_proj' }),
  ]);
}

/** What is made of the embedding: latents of queries, or queries themselves, and those of keys and values. */
function downProjections(
  pass: LayerPass,
  { downQuery, upQuery, downKeyValue, fused }: LatentAttention,
): OperatorWork[] {
  const qkv = { module: 'qkv', rows: pass.tokens } as const;
  if (fused === true && downQuery !== null) {
    const outputs = downQuery.outputs + downKeyValue.outputs;
    return linear(pass, { ...downQuery, outputs }, { ...qkv, name: 'qkv_a_proj' });
  }
  return [
    ...(downQuery === null
      ? linear(pass, upQuery, { ...qkv, name: 'q_proj' })
      : linear(pass, downQuery, { ...qkv, name: 'q_a_proj' })),
    ...linear(pass, downKeyValue, { ...qkv, name: 'kv_a_proj' }),
  ];
}

/** Chosen tokens are gathered from the cache as latents, in a prefill, too. */
function wayOf({ attention, phase }: LayerPass, { index }: LatentAttention): LatentCall['way'] {
  if (index !== undefined) return 'absorbed';
  return attention.latent ?? (phase === 'prefill' ? 'naive' : 'absorbed');
}

/**
 * Queries go into the space of the latents and results come out of it: 2 heads · headLength · kvRank FLOPs a
 * query, and as much for values; a pair then costs 2 heads (2 kvRank + ropeLength), and the cache is read
 * once for all heads.
 */
function absorbed(pass: LayerPass, shape: LatentAttention): OperatorWork[] {
  const { heads, kvRank, ropeLength, index } = shape;
  return [
    ...perHead(pass, shape.upKey, 'q_absorb', heads, 'from-head'),
    ...scores(pass, {
      queryHeads: heads,
      cacheHeads: 1,
      keyLength: kvRank + ropeLength,
      valueLength: kvRank,
      window: null,
      valuesInKeys: true,
      chosen: index?.chosen,
      callOf: callOf(pass, shape, 'absorbed'),
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
  const cacheRead = (seen * (kvRank + ropeLength) * cacheBits.key) / 8;
  const expansion = { name: 'kv_b_proj', module: 'qkv', rows: seen, follows: 'sequences' } as const;
  // What was expanded lies in memory in the activations' type.
  const local = { ...pass, cacheBits: { key: activationBits, value: activationBits } };
  return [
    ...linear(pass, up, expansion).map((work) =>
      work.name === expansion.name
        ? { ...work, traffic: { ...work.traffic, activationsRead: 0, cacheRead } }
        : work,
    ),
    ...scores(local, {
      queryHeads: heads,
      cacheHeads: heads,
      keyLength: headLength + ropeLength,
      valueLength,
      window: null,
      valuesInKeys: false,
      callOf: callOf(pass, shape, 'naive'),
    }).map(fromActivations),
  ];
}

function callOf({ kernels }: LayerPass, shape: LatentAttention, way: LatentCall['way']): Scores['callOf'] {
  if (kernels === null) return undefined;
  const { heads, kvRank, ropeLength, headLength, valueLength } = shape;
  const { attention: format, cache: cacheFormat } = kernels;
  return (group) => ({
    family: 'latent',
    phase: phaseOf(group),
    way,
    format,
    cacheFormat,
    heads,
    kvRank,
    ropeLength,
    headLength,
    valueLength,
    ...group,
  });
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
  const { inputs: rank, outputs: width, format } = matrix;
  const length = width / heads;
  const [inputs, outputs] = direction === 'from-head' ? [length, rank] : [rank, length];
  const product: Partial<OperatorWork> = {
    kernelCalls:
      format && calling(pass, { family: 'head-product', format, heads, rows, inputs, outputs }, 'sequences'),
  };
  return linear(pass, matrix, { name, module: 'qkv', rows, follows: 'sequences' }).map((work) =>
    work.name === name
      ? {
          ...work,
          ...product,
          traffic: {
            ...work.traffic,
            activationsRead: rows * heads * inputs * activationBytes,
            activationsWritten: rows * heads * outputs * activationBytes,
          },
        }
      : work,
  );
}
