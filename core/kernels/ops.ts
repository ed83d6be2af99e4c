import { CUDA_VARIANTS } from './cuda.js';
import { DENSE_OPS } from './dense.js';
import type { OpFacts } from './op.js';
import { SPARSE_OPS } from './sparse.js';

/** Every op of kernels/ops; test/unit/kernels holds it against the library's own list. */
export const OPS: readonly OpFacts[] = [...DENSE_OPS, ...SPARSE_OPS].map((op) => ({
  ...op,
  variants: [...op.variants, ...(CUDA_VARIANTS[op.name] ?? [])],
}));
