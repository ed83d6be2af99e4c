import type {
  OperatorCall,
  OperatorTime,
  OperatorTimes,
  RoofSeconds,
} from '../../core/work/operator-call.js';

const BYTES_PER_SECOND = 3e12;
const LINK_BYTES_PER_SECOND = 4e11;
const FLOPS_PER_SECOND = 8e14;
const LAUNCH_SECONDS = 3e-6;

/** Bytes and FLOPs of a call, in 16 bits. */
function workOf(call: OperatorCall): { readonly bytes: number; readonly flops: number } {
  switch (call.family) {
    case 'product':
      return {
        bytes: 2 * (call.inputs * call.outputs + call.rows * (call.inputs + call.outputs)),
        flops: 2 * call.rows * call.inputs * call.outputs,
      };
    case 'attention': {
      const { sequences, newTokens, cachedTokens, heads, kvHeads, headLength } = call;
      return {
        bytes: 4 * sequences * (cachedTokens + newTokens) * kvHeads * headLength,
        flops: 4 * sequences * newTokens * (cachedTokens + newTokens / 2) * heads * headLength,
      };
    }
    case 'experts': {
      const weights = (3 * call.embedding * call.width) / call.tensor;
      const rows = (call.tokens * call.used) / call.expert;
      return {
        bytes: 2 * weights * Math.min(call.count / call.expert, rows),
        flops: 2 * rows * weights,
      };
    }
    case 'latent-layer': {
      const { embedding, sequences, newTokens, cachedTokens, heads, kvRank, ropeLength, headLength } = call;
      const queries = heads * (headLength + ropeLength);
      const weights =
        (call.queryRank === null ? embedding * queries : call.queryRank * (embedding + queries)) +
        embedding * (kvRank + ropeLength + heads * call.valueLength) +
        heads * kvRank * (headLength + call.valueLength);
      const keys = cachedTokens + newTokens;
      return {
        bytes: 2 * weights + 2 * sequences * keys * (kvRank + ropeLength),
        flops: 2 * sequences * newTokens * (weights + keys * heads * (kvRank + ropeLength)),
      };
    }
    case 'stream':
      return { bytes: call.bytes, flops: 0 };
    case 'quantize':
      return { bytes: 3 * call.rows * call.inputs, flops: 0 };
    default:
      return { bytes: 0, flops: 0 };
  }
}

/** A device that reaches its roofs behind a launch, and what it was asked. */
export class FakeOperators implements OperatorTimes {
  readonly source = 'tables of a fake';
  readonly calls: OperatorCall[] = [];
  readonly #without: OperatorCall['family'] | null;

  /** @param without a family that no table tells of. */
  constructor(without: OperatorCall['family'] | null = null) {
    this.#without = without;
  }

  timeOf(call: OperatorCall) {
    this.calls.push(call);
    if (call.family === this.#without) return { seconds: null, reason: `no table of ${call.family}` };
    if (call.family === 'collective') {
      const sent = (4 * call.elements) / LINK_BYTES_PER_SECOND;
      return time(LAUNCH_SECONDS + sent, sent, 'link', { memory: 0, compute: 0 });
    }
    const { bytes, flops } = workOf(call);
    const [memory, compute] = [bytes / BYTES_PER_SECOND, flops / FLOPS_PER_SECOND];
    const roof = Math.max(memory, compute);
    return time(LAUNCH_SECONDS + roof, roof, memory > compute ? 'memory' : 'compute', {
      memory,
      compute,
    });
  }
}

function time(
  seconds: number,
  roofSeconds: number,
  limit: OperatorTime['limit'],
  roofs: RoofSeconds,
): OperatorTime {
  return {
    seconds,
    roofSeconds,
    roofs,
    limit: seconds > 2 * roofSeconds ? 'launch' : limit,
    spread: 0.1,
    widened: null,
  };
}
