import { COLUMNS, OP_TYPES, type OpFacts, ROWS } from './op.js';

export const DENSE_OPS: readonly OpFacts[] = [
  {
    name: 'gemv',
    help: 'a dense matrix times a vector',
    parameters: [ROWS, COLUMNS],
    types: OP_TYPES,
    variants: [
      { name: 'scalar', help: 'plain C++ for any processor', types: OP_TYPES },
      { name: 'avx2', help: '2 rows at a time, int4 sixteen rows', types: OP_TYPES },
      { name: 'avxvnni', help: 'the same with integer products of AVX-VNNI', types: ['int8', 'int4'] },
      { name: 'avx512', help: 'a row at a time, products in f32', types: ['f32', 'f16'] },
      {
        name: 'avx512vnni',
        help: 'integer products: int8 a row at a time, int4 sixteen',
        types: ['int8', 'int4'],
      },
      { name: 'avx512bf16', help: 'a row at a time, products of bfloat16 pairs', types: ['bf16'] },
      { name: 'neon', help: '2 rows at a time, int4 sixteen rows', types: OP_TYPES },
      { name: 'dotprod', help: 'the same with integer dot products', types: ['int8', 'int4'] },
    ],
  },
  {
    name: 'gemm',
    help: 'a dense matrix times many vectors',
    parameters: [ROWS, COLUMNS, { name: 'batch', help: 'vectors', fallback: 512, least: 1, most: 2 ** 13 }],
    types: OP_TYPES,
    variants: [
      { name: 'scalar', help: 'plain C++ for any processor', types: OP_TYPES },
      { name: 'avx2', help: '2 rows and 4 vectors at a time, int4 sixteen rows', types: OP_TYPES },
      { name: 'avxvnni', help: 'the same with integer products of AVX-VNNI', types: ['int8', 'int4'] },
      { name: 'avx512', help: '4 rows and 6 vectors at a time, products in f32', types: ['f32', 'f16'] },
      {
        name: 'avx512vnni',
        help: 'integer products: int8 4 rows and 6 vectors, int4 16 rows and 8',
        types: ['int8', 'int4'],
      },
      { name: 'avx512bf16', help: '4 rows and 6 vectors, products of bfloat16 pairs', types: ['bf16'] },
      { name: 'neon', help: '2 rows and 4 vectors at a time, int4 sixteen rows', types: OP_TYPES },
      { name: 'dotprod', help: 'the same with integer dot products', types: ['int8', 'int4'] },
    ],
  },
];
