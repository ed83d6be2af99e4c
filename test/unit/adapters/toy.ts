import type { AdapterKind, AdapterLayer, LowRankAdapter } from '../../../core/techniques/adapters/adapter.js';
import type { Matrix } from '../../../core/techniques/pruning/matrix.js';
import type { AdapterBase } from '../../../formats/adapters/base.js';

/** Numbers from -1 to 1, the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

export function randomMatrix(rows: number, columns: number, seed: number): Matrix {
  const next = randomNumbers(seed);
  return { rows, columns, values: Float32Array.from({ length: rows * columns }, next) };
}

export function randomLayer(
  rows: number,
  columns: number,
  rank: number,
  rest: Partial<AdapterLayer> = {},
  seed = 1,
): AdapterLayer {
  return {
    a: randomMatrix(rank, columns, seed),
    b: randomMatrix(rows, rank, seed + 1),
    scale: 2,
    magnitude: null,
    ...rest,
  };
}

/** Two layers of width 8 with heads of 4, two of them and one for keys and values. */
export const BASE: AdapterBase = {
  architecture: 'llama',
  heads: [2, 2],
  keyValueHeads: [1, 1],
  tied: false,
  tensors: new Map(
    [
      ['token_embd', 8, 16],
      ['output', 8, 16],
      ...[0, 1].flatMap((i) => [
        [`blk.${i}.attn_q`, 8, 8] as const,
        [`blk.${i}.attn_k`, 8, 4] as const,
        [`blk.${i}.ffn_down`, 12, 8] as const,
      ]),
    ].map(([name, inputs, outputs]) => {
      const tensor = { name: `${name}.weight`, type: 'f32', shape: [Number(inputs), Number(outputs)] };
      return [tensor.name, { ...tensor, bytes: 0, offset: 0 }] as const;
    }),
  ),
};

export function toyAdapter(
  kind: AdapterKind,
  rest: Partial<AdapterLayer> & { readonly ranks?: readonly number[] } = {},
): LowRankAdapter {
  const { ranks = [2, 2, 2], ...layer } = rest;
  const magnitude = (rows: number, seed: number) =>
    kind === 'dora' ? randomMatrix(1, rows, seed).values.map((value) => 2 + value) : null;
  return {
    kind,
    architecture: 'llama',
    onResidual: kind === 'pissa' || kind === 'olora' ? kind : null,
    layers: new Map(
      (
        [
          ['blk.0.attn_q.weight', 8, 8],
          ['blk.0.attn_k.weight', 4, 8],
          ['blk.1.ffn_down.weight', 8, 12],
        ] as const
      ).map(([name, rows, columns], i) => [
        name,
        randomLayer(rows, columns, ranks[i]!, { magnitude: magnitude(rows, i + 9), ...layer }, i * 3 + 5),
      ]),
    ),
  };
}

/** The largest difference of two lists of numbers. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - b[i]!)),
    a.length === b.length ? 0 : Infinity,
  );
}
