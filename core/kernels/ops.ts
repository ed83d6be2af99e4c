import { DENSE_OPS } from './dense.js';
import type { OpFacts } from './op.js';

/** Every op of kernels/ops; test/unit/kernels holds it against the library's own list. */
export const OPS: readonly OpFacts[] = [...DENSE_OPS];
