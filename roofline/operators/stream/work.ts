import type { StreamCall } from '../../../core/work/operator-call.js';
import type { CallWork } from '../family.js';

export const workOf = ({ bytes }: StreamCall): CallWork => ({
  bytes,
  flops: 0,
  format: null,
  linkBytes: 0,
});
