import { OP_TYPES, type OpType, type OpVariant } from './op.js';

const FLOATS: readonly OpType[] = ['f32', 'f16', 'bf16'];
const NO_NIBBLES: readonly OpType[] = ['f32', 'f16', 'bf16', 'int8'];
const HALVES: readonly OpType[] = ['f16', 'bf16'];
const FILLED = 'kept weights written out into tiles for tensor cores, x in 16 bits';

/** One of an NVIDIA GPU. */
const cuda = (name: string, help: string, types: readonly OpType[]): OpVariant => ({
  name,
  help,
  types,
  device: 'cuda',
});

/** What kernels/cuda adds to the variants of each op. */
export const CUDA_VARIANTS: Readonly<Record<string, readonly OpVariant[]>> = {
  gemv: [cuda('cuda', 'a warp for two rows, on an NVIDIA GPU', OP_TYPES)],
  gemm: [
    cuda('cuda', 'a warp for a row, which it takes past four vectors at a time', FLOATS),
    cuda('cuda-tensor', 'tiles of 128 rows and 128 vectors on tensor cores, x in 16 bits or whole numbers', [
      'f16',
      'bf16',
      'int8',
      'int4',
    ]),
  ],
  'sparse-bitmap': [
    cuda('cuda', 'a warp for a row, a lane for eight columns', NO_NIBBLES),
    cuda('cuda-tensor', FILLED, HALVES),
  ],
  'sparse-2of4': [
    cuda('cuda', 'a warp for a row, a lane for four columns', NO_NIBBLES),
    cuda('cuda-tensor', "the tensor cores' own sparse products, x in f16", ['f16']),
  ],
  'sparse-csr': [
    cuda('cuda', 'a warp for a row, a lane for a kept weight', NO_NIBBLES),
    cuda('cuda-tensor', FILLED, HALVES),
  ],
  'sparse-blocks': [cuda('cuda', 'a warp for a row, whole blocks', NO_NIBBLES)],
};
