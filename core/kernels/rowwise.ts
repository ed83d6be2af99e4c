import type { OpFacts, OpType } from './op.js';

const FLOATS: readonly OpType[] = ['f32', 'f16', 'bf16'];

export const ROWWISE_OPS: readonly OpFacts[] = [
  {
    name: 'rms-norm',
    help: 'rows divided by the root of their mean square, times weights',
    parameters: [
      { name: 'rows', help: 'rows: tokens', fallback: 512, least: 1, most: 2 ** 24 },
      { name: 'length', help: 'numbers of a row', fallback: 4096, least: 1, most: 2 ** 20 },
    ],
    types: FLOATS,
    variants: [{ name: 'rows', help: 'a row at a time, read from the cache the second time', types: FLOATS }],
  },
  {
    name: 'layer-norm',
    help: 'rows less their mean, divided by their deviation, times weights, plus biases',
    parameters: [
      { name: 'rows', help: 'rows: tokens', fallback: 512, least: 1, most: 2 ** 24 },
      { name: 'length', help: 'numbers of a row', fallback: 4096, least: 1, most: 2 ** 20 },
    ],
    types: FLOATS,
    variants: [{ name: 'rows', help: 'a row at a time, read from the cache again', types: FLOATS }],
  },
  {
    name: 'rope',
    help: "pairs of a head's elements turned by the token's position",
    parameters: [
      { name: 'tokens', help: 'tokens', fallback: 512, least: 1, most: 2 ** 20 },
      { name: 'heads', help: 'heads of a token', fallback: 32, least: 1, most: 1024 },
      { name: 'length', help: 'elements of a head', fallback: 128, least: 2, most: 1024 },
      {
        name: 'interleaved',
        help: '0 = pairs of the two halves; 1 = pairs of neighbours',
        fallback: 0,
        least: 0,
        most: 1,
      },
    ],
    types: FLOATS,
    variants: [{ name: 'rows', help: 'one pass', types: FLOATS }],
  },
  {
    name: 'softmax',
    help: 'rows of scores made weights that sum to one',
    parameters: [
      { name: 'rows', help: 'rows: query heads of all tokens', fallback: 1024, least: 1, most: 2 ** 24 },
      {
        name: 'length',
        help: 'numbers of a row: tokens that are seen',
        fallback: 4096,
        least: 1,
        most: 2 ** 22,
      },
    ],
    types: FLOATS,
    variants: [
      { name: 'three-pass', help: 'the maximum, then the sum, then the weights', types: FLOATS },
      { name: 'online', help: 'maximum and sum in one pass, then the weights', types: FLOATS },
    ],
  },
  {
    name: 'silu-mul',
    help: 'x / (1 + e^-x) times a second input: the middle of a gated feed-forward layer',
    parameters: [
      { name: 'rows', help: 'rows: tokens', fallback: 512, least: 1, most: 2 ** 24 },
      { name: 'length', help: 'numbers of a row', fallback: 11008, least: 1, most: 2 ** 20 },
    ],
    types: FLOATS,
    variants: [{ name: 'rows', help: 'one pass', types: FLOATS }],
  },
  {
    name: 'gelu',
    help: 'gelu in its tanh form',
    parameters: [
      { name: 'rows', help: 'rows: tokens', fallback: 512, least: 1, most: 2 ** 24 },
      { name: 'length', help: 'numbers of a row', fallback: 11008, least: 1, most: 2 ** 20 },
    ],
    types: FLOATS,
    variants: [{ name: 'rows', help: 'one pass', types: FLOATS }],
  },
];
