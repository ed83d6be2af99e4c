import { COLUMNS, OP_TYPES, type OpFacts, type OpType, ROWS } from './op.js';

const FOUR: readonly OpType[] = ['f32', 'f16', 'bf16', 'int8'];

export const SPARSE_OPS: readonly OpFacts[] = [
  {
    name: 'sparse-bitmap',
    help: 'a matrix with a bit for each weight and the kept weights, times one or more vectors',
    parameters: [
      ROWS,
      COLUMNS,
      { name: 'batch', help: 'vectors', fallback: 1, least: 1, most: 64 },
      { name: 'sparsity', help: 'percent of each row that is zero', fallback: 50, least: 0, most: 100 },
    ],
    types: OP_TYPES,
    variants: [
      { name: 'scalar', help: 'plain C++, kept weights one by one', types: OP_TYPES },
      { name: 'avx2', help: 'kept weights spread by byte shuffles', types: OP_TYPES },
      {
        name: 'avxvnni',
        help: 'kept weights spread by byte shuffles, integer products of AVX-VNNI',
        types: ['int8', 'int4'],
      },
      { name: 'avx512', help: 'kept weights spread by vpexpandd', types: ['f32', 'f16'] },
      { name: 'avx512vnni', help: 'kept weights spread by vpexpandb', types: ['int8', 'int4'] },
      {
        name: 'avx512bf16',
        help: 'kept weights spread by vpexpandw, products of bfloat16 pairs',
        types: ['bf16'],
      },
      { name: 'neon', help: 'kept weights spread by table look-ups', types: OP_TYPES },
      {
        name: 'dotprod',
        help: 'kept weights spread by table look-ups, integer dot products',
        types: ['int8', 'int4'],
      },
    ],
  },
  {
    name: 'sparse-2of4',
    help: 'a matrix that keeps two of four neighbours, times one or more vectors',
    parameters: [ROWS, COLUMNS, { name: 'batch', help: 'vectors', fallback: 1, least: 1, most: 64 }],
    types: FOUR,
    variants: [
      { name: 'scalar', help: 'plain C++, kept weights one by one', types: FOUR },
      { name: 'avx2', help: 'kept weights spread by byte shuffles', types: FOUR },
      {
        name: 'avxvnni',
        help: 'kept weights spread by byte shuffles, integer products of AVX-VNNI',
        types: ['int8'],
      },
      { name: 'avx512', help: 'kept weights spread by vpexpandd', types: ['f32', 'f16'] },
      { name: 'avx512vnni', help: 'kept weights spread by vpexpandb', types: ['int8'] },
      {
        name: 'avx512bf16',
        help: 'kept weights spread by vpexpandw, products of bfloat16 pairs',
        types: ['bf16'],
      },
      { name: 'neon', help: 'kept weights spread by table look-ups', types: FOUR },
      {
        name: 'dotprod',
        help: 'kept weights spread by table look-ups, integer dot products',
        types: ['int8'],
      },
    ],
  },
  {
    name: 'sparse-csr',
    help: 'a matrix as kept weights with their columns (CSR), times one or more vectors',
    parameters: [
      ROWS,
      COLUMNS,
      { name: 'batch', help: 'vectors', fallback: 1, least: 1, most: 64 },
      { name: 'sparsity', help: 'percent of each row that is zero', fallback: 50, least: 0, most: 100 },
    ],
    types: FOUR,
    variants: [
      { name: 'scalar', help: 'plain C++, kept weights one by one', types: FOUR },
      { name: 'avx512', help: 'activations gathered sixteen at a time', types: FOUR },
    ],
  },
  {
    name: 'sparse-blocks',
    help: 'a matrix that keeps blocks of 16 rows and 16 columns, times one or more vectors',
    parameters: [
      ROWS,
      COLUMNS,
      { name: 'batch', help: 'vectors', fallback: 1, least: 1, most: 64 },
      {
        name: 'sparsity',
        help: 'percent of the blocks of each 16 rows that are zero',
        fallback: 50,
        least: 0,
        most: 100,
      },
    ],
    types: FOUR,
    variants: [
      { name: 'scalar', help: 'plain C++, weights one by one', types: FOUR },
      { name: 'avx2', help: 'whole blocks, eight rows to a register', types: FOUR },
      { name: 'avxvnni', help: 'whole blocks, integer products of AVX-VNNI', types: ['int8'] },
      { name: 'avx512', help: 'whole blocks, products in f32', types: ['f32', 'f16'] },
      { name: 'avx512vnni', help: 'whole blocks', types: ['int8'] },
      { name: 'avx512bf16', help: 'whole blocks, products of bfloat16 pairs', types: ['bf16'] },
      { name: 'neon', help: 'whole blocks, four rows to a register', types: FOUR },
      { name: 'dotprod', help: 'whole blocks, integer dot products', types: ['int8'] },
    ],
  },
];
