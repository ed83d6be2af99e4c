import type { AttentionCall } from '../../../core/work/operator-call.js';
import { keysPerQuery, keysSeen } from '../causal.js';
import type { CallWork } from '../family.js';
import { FORMATS } from '../number-format.js';

/** Keys and values that are seen are read once; queries are read and sums written, in 16 bits. */
export function workOf(call: AttentionCall): CallWork {
  const { sequences, heads, kvHeads, headLength, newTokens, format, cacheFormat } = call;
  const queries = sequences * heads * newTokens;
  return {
    bytes:
      2 * sequences * kvHeads * headLength * keysSeen(call) * FORMATS[cacheFormat].weightBytes +
      2 * queries * headLength * 2,
    flops: 4 * queries * headLength * keysPerQuery(call),
    format,
    linkBytes: 0,
  };
}
