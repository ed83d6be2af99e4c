import type { LinearAttentionCall } from '../../../core/work/operator-call.js';
import type { CallWork } from '../family.js';

/** Of what goes in and out, and of a state, which is kept in 32. */
const [ELEMENT_BYTES, STATE_BYTES] = [2, 4];
/** The state is decayed, corrected by what it held, added to, and asked: a multiply and an add each. */
const STATE_FLOPS = 8;

/** Keys and queries, and values. */
const channelsOf = ({ keyHeads, keyLength, valueHeads, valueLength }: LinearAttentionCall) =>
  2 * keyHeads * keyLength + valueHeads * valueLength;

/** States are read and written once a call for each sequence; the rest passes through. */
export function workOf(call: LinearAttentionCall): CallWork {
  const { kernel, valueHeads, valueLength, keyLength, convolution, sequences, newTokens } = call;
  const tokens = sequences * newTokens;
  const channels = channelsOf(call);
  if (kernel === 'convolution')
    return {
      bytes: 2 * channels * (tokens + sequences * (convolution - 1)) * ELEMENT_BYTES,
      flops: 0,
      format: null,
      linkBytes: 0,
    };
  const state = valueHeads * valueLength * keyLength;
  return {
    bytes:
      tokens * (channels + valueHeads * valueLength) * ELEMENT_BYTES + 2 * sequences * state * STATE_BYTES,
    flops: STATE_FLOPS * tokens * state,
    format: 'bf16',
    linkBytes: 0,
  };
}
