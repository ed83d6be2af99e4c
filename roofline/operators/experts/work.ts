import type { ExpertsCall } from '../../../core/work/operator-call.js';
import { expectedDistinct } from '../../../core/work/pass/experts.js';
import type { CallWork } from '../family.js';
import { FORMATS } from '../number-format.js';

/** Gate, up and down. */
const MATRICES = 3;

/** Experts of this device that any token chooses, where tokens choose evenly. */
export function activeExperts({ tokens, used, count, expert }: ExpertsCall): number {
  return expectedDistinct({ count, usedPerToken: used }, tokens) / expert;
}

/** Pairs of a token and an expert that this device computes. */
export const pairsOf = ({ tokens, used, expert }: ExpertsCall) => (tokens * used) / expert;

/** The weights of active experts are read once, tokens once for each expert that they choose. */
export function workOf(call: ExpertsCall): CallWork {
  const { format, embedding, width, tensor } = call;
  const { weightBytes, inputBytes } = FORMATS[format];
  const own = width / tensor;
  const pairs = pairsOf(call);
  return {
    bytes:
      activeExperts(call) * MATRICES * embedding * own * weightBytes +
      pairs * (embedding * (inputBytes + 2) + own * (inputBytes + 2)),
    flops: 2 * MATRICES * pairs * embedding * own,
    format,
    linkBytes: 0,
  };
}
