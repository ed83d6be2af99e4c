import type { LatentCall } from '../../../core/work/operator-call.js';
import { keysPerQuery } from '../causal.js';
import type { CallWork } from '../family.js';
import { FORMATS } from '../number-format.js';

/** Absorbed, all heads read the same latents; else each head has keys and values of its own, in 16 bits. */
export function workOf(call: LatentCall): CallWork {
  const { way, format, cacheFormat, heads, sequences, newTokens, cachedTokens } = call;
  const { kvRank, ropeLength, headLength, valueLength } = call;
  const isAbsorbed = way === 'absorbed';
  const keyLength = (isAbsorbed ? kvRank : headLength) + ropeLength;
  const sumLength = isAbsorbed ? kvRank : valueLength;
  const queries = sequences * heads * newTokens;
  const tokens = sequences * (cachedTokens + newTokens);
  return {
    bytes:
      (isAbsorbed
        ? tokens * keyLength * FORMATS[cacheFormat].weightBytes
        : tokens * heads * (keyLength + sumLength) * 2) +
      queries * (keyLength + sumLength) * 2,
    flops: 2 * queries * keysPerQuery(call) * (keyLength + sumLength),
    format,
    linkBytes: 0,
  };
}
