import type { LatentLayerCall } from '../../../core/work/operator-call.js';
import { keysPerQuery } from '../causal.js';
import type { CallWork } from '../family.js';
import { FORMATS } from '../number-format.js';

/** Weights of the projections of one layer, its index's included. */
function weightsOf(call: LatentLayerCall): number {
  const { embedding, queryRank, heads, kvRank, ropeLength, headLength, valueLength, index } = call;
  const queryInputs = queryRank ?? embedding;
  return (
    (queryRank === null ? 0 : embedding * queryRank) +
    queryInputs * heads * (headLength + ropeLength) +
    embedding * (kvRank + ropeLength) +
    heads * kvRank * (headLength + valueLength) +
    heads * valueLength * embedding +
    (index?.computed
      ? queryInputs * index.heads * index.headLength + embedding * (index.headLength + index.heads)
      : 0)
  );
}

/** Keys that a query of the layer uses on average: an index chooses among those before it. */
export function keysUsed(call: LatentLayerCall): number {
  return Math.min(keysPerQuery(call), call.index?.chosen ?? Number.POSITIVE_INFINITY);
}

/**
 * Scores and sums in the way that multiplies less: with a key for each head where new tokens meet few others,
 * in the space of latents where they meet a cache. An index reads one key a token, in 8 bits.
 */
export function workOf(call: LatentLayerCall): CallWork {
  const { phase, format, cacheFormat, embedding, heads, sequences, newTokens, cachedTokens, index } = call;
  const { kvRank, ropeLength, headLength, valueLength } = call;
  const tokens = sequences * newTokens;
  const seen = sequences * (cachedTokens + newTokens);
  const isNaive = phase === 'prefill' && index === null;
  const pairElements = isNaive ? headLength + ropeLength + valueLength : 2 * kvRank + ropeLength;
  const used = phase === 'decode' ? sequences * keysUsed(call) : seen;
  const weights = weightsOf(call);
  const indexed = index?.computed ? index.headLength : 0;
  return {
    bytes:
      weights * FORMATS[format].weightBytes +
      used * (kvRank + ropeLength) * FORMATS[cacheFormat].weightBytes +
      seen * indexed +
      tokens * embedding * 4,
    flops:
      2 * tokens * weights +
      2 * tokens * heads * keysUsed(call) * pairElements +
      2 * tokens * keysPerQuery(call) * indexed * (index?.heads ?? 0),
    format,
    linkBytes: 0,
  };
}
