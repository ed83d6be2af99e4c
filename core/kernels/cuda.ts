import { OP_TYPES, type OpType, type OpVariant } from './op.js';

const FLOATS: readonly OpType[] = ['f32', 'f16', 'bf16'];
const NO_NIBBLES: readonly OpType[] = ['f32', 'f16', 'bf16', 'int8'];
const HALVES: readonly OpType[] = ['f16', 'bf16'];
const FILLED = 'kept weights written out into tiles for tensor cores, x in 16 bits';

const BY_ROW = 'a block for a row, on an NVIDIA GPU';
const BY_NUMBER = 'a thread for a number, on an NVIDIA GPU';

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
  'attention-decode': [
    cuda(
      'cuda',
      'flash-decoding on an NVIDIA GPU: eight lanes for a token, the heads of a group together',
      NO_NIBBLES,
    ),
  ],
  'attention-prefill': [
    cuda(
      'cuda',
      'flash attention on the tensor cores of an NVIDIA GPU, queries in the type of the cache',
      HALVES,
    ),
  ],
  'mla-decode': [cuda('cuda', 'absorbed, on an NVIDIA GPU', FLOATS)],
  'nsa-decode': [cuda('cuda', 'the three branches one after the other on an NVIDIA GPU', FLOATS)],
  lora: [
    cuda('cuda-separate', 'three kernels on an NVIDIA GPU, the last adds to what was written', FLOATS),
    cuda('cuda-fused', 'two kernels: A x, then W and B together', FLOATS),
    cuda('cuda-grouped', 'as fused, with every A read once for all of its tokens', FLOATS),
  ],
  moe: [
    cuda('cuda-single', 'token after token, on an NVIDIA GPU', FLOATS),
    cuda('cuda-grouped', 'a warp for a row of an expert, which it takes past its tokens', FLOATS),
  ],
  'rms-norm': [cuda('cuda', BY_ROW, FLOATS)],
  'layer-norm': [cuda('cuda', BY_ROW, FLOATS)],
  softmax: [cuda('cuda', BY_ROW, FLOATS)],
  rope: [cuda('cuda', 'a thread for a pair, on an NVIDIA GPU', FLOATS)],
  'silu-mul': [cuda('cuda', BY_NUMBER, FLOATS)],
  gelu: [cuda('cuda', BY_NUMBER, FLOATS)],
  'sparse-blocks': [cuda('cuda', 'a warp for a row, whole blocks', NO_NIBBLES)],
};
