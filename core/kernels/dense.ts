import { OP_TYPES, type OpFacts } from './op.js';

export const DENSE_OPS: readonly OpFacts[] = [
  {
    name: 'gemv',
    help: 'a dense matrix times a vector',
    parameters: [
      { name: 'rows', help: 'rows of the matrix: outputs', fallback: 4096, least: 1, most: 2 ** 20 },
      { name: 'columns', help: 'columns of the matrix: inputs', fallback: 4096, least: 1, most: 2 ** 16 },
    ],
    types: OP_TYPES,
    variants: [
      { name: 'scalar', help: 'plain C++ for any processor', types: OP_TYPES },
      { name: 'avx2', help: 'plain C++, vectorized for AVX2', types: OP_TYPES },
      { name: 'avx512', help: 'a row at a time, products in f32', types: ['f32', 'f16'] },
      {
        name: 'avx512vnni',
        help: 'integer products: int8 a row at a time, int4 sixteen',
        types: ['int8', 'int4'],
      },
      { name: 'avx512bf16', help: 'a row at a time, products of bfloat16 pairs', types: ['bf16'] },
      { name: 'cuda', help: 'a warp for two rows, on an NVIDIA GPU', types: OP_TYPES, device: 'cuda' },
    ],
  },
];
