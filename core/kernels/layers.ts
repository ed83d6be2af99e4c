import type { OpFacts, OpType } from './op.js';

const FLOATS: readonly OpType[] = ['f32', 'f16', 'bf16'];

export const LAYER_OPS: readonly OpFacts[] = [
  {
    name: 'lora',
    help: 'a linear layer whose tokens each have an adapter of low rank',
    parameters: [
      { name: 'tokens', help: 'tokens of the batch', fallback: 1, least: 1, most: 65536 },
      { name: 'inputs', help: "columns of the layer's matrix", fallback: 4096, least: 1, most: 65536 },
      { name: 'outputs', help: 'rows of it', fallback: 4096, least: 1, most: 2 ** 18 },
      { name: 'adapterRank', help: 'rows of A and columns of B', fallback: 16, least: 1, most: 4096 },
      { name: 'adapters', help: 'adapters that tokens choose from', fallback: 1, least: 1, most: 4096 },
      {
        name: 'dora',
        help: '1 = the result has the cached gain of DoRA; 0 = it has none',
        fallback: 0,
        least: 0,
        most: 1,
      },
    ],
    types: FLOATS,
    variants: [
      {
        name: 'separate',
        help: 'W x, then A x, then B of it added to what was written, then the gain',
        types: FLOATS,
      },
      { name: 'fused', help: 'A x first, then W and B in one pass over the outputs', types: FLOATS },
      {
        name: 'grouped',
        help: 'as fused, with every adapter read once for all of its tokens',
        types: FLOATS,
      },
    ],
  },
  {
    name: 'moe',
    help: "each token's product with the matrices of the experts it was routed to",
    parameters: [
      { name: 'tokens', help: 'tokens of the batch', fallback: 1, least: 1, most: 65536 },
      { name: 'inputs', help: "columns of an expert's matrix", fallback: 2048, least: 1, most: 65536 },
      { name: 'outputs', help: 'rows of it', fallback: 1024, least: 1, most: 65536 },
      { name: 'experts', help: 'experts of the layer', fallback: 64, least: 1, most: 4096 },
      { name: 'used', help: 'experts of a token', fallback: 8, least: 1, most: 4096 },
    ],
    types: FLOATS,
    variants: [
      { name: 'single', help: 'token after token, each reads its experts', types: FLOATS },
      {
        name: 'grouped',
        help: 'expert after expert, each is read once for all of its tokens',
        types: FLOATS,
      },
    ],
  },
];
