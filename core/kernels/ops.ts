import { ATTENTION_OPS } from './attention.js';
import { CUDA_VARIANTS } from './cuda.js';
import { DENSE_OPS } from './dense.js';
import { LAYER_OPS } from './layers.js';
import type { OpFacts } from './op.js';
import { ROWWISE_OPS } from './rowwise.js';
import { SPARSE_OPS } from './sparse.js';

const CPU_OPS: readonly OpFacts[] = [
  ...DENSE_OPS,
  ...SPARSE_OPS,
  ...ATTENTION_OPS,
  ...LAYER_OPS,
  ...ROWWISE_OPS,
];

/** Every op of kernels/ops; test/unit/kernels holds it against the library's own list. */
export const OPS: readonly OpFacts[] = CPU_OPS.map((op) => ({
  ...op,
  variants: [...op.variants, ...(CUDA_VARIANTS[op.name] ?? [])],
}));
