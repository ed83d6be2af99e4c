import type { CollectiveCall } from '../../../core/work/operator-call.js';
import type { CallWork } from '../family.js';

/** 16 bits each. */
const ELEMENT_BYTES = 2;

/**
 * What each device sends of the message, by the algorithms that send least: NCCL's tests call these factors
 * bus bandwidth over algorithm bandwidth.
 * https://github.com/NVIDIA/nccl-tests/blob/master/doc/PERFORMANCE.md
 */
function sentShare({ operation, devices }: CollectiveCall): number {
  const others = (devices - 1) / devices;
  switch (operation) {
    case 'all-reduce':
      return 2 * others;
    case 'send':
      return 1;
    default:
      return others;
  }
}

export function workOf(call: CollectiveCall): CallWork {
  return {
    bytes: 0,
    flops: 0,
    format: null,
    linkBytes: call.elements * ELEMENT_BYTES * sentShare(call),
  };
}
