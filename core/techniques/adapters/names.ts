import type { Matrix } from '../pruning/matrix.js';

/** The matrices of a dense decoder: PEFT's name of a module (transformers), and GGUF's of its weights. */
const MODULES: readonly (readonly [string, string])[] = [
  ['self_attn.q_proj', 'attn_q'],
  ['self_attn.k_proj', 'attn_k'],
  ['self_attn.v_proj', 'attn_v'],
  ['self_attn.o_proj', 'attn_output'],
  ['mlp.gate_proj', 'ffn_gate'],
  ['mlp.up_proj', 'ffn_up'],
  ['mlp.down_proj', 'ffn_down'],
];
const EMBEDDING = ['embed_tokens', 'token_embd.weight'] as const;
const OUTPUT = ['lm_head', 'output.weight'] as const;
export const EMBEDDING_TENSOR = EMBEDDING[1];

/** The matrices that an adapter has when none are named. */
export const LINEAR_TARGETS: readonly string[] = MODULES.map(([, target]) => target);

/**
 * Architectures whose modules have these names, and whether the converter turned the rows of Q and K round:
 * in transformers the pairs that RoPE turns are half a head apart, in GGUF's llama they are neighbours
 * (llama.cpp, conversion/llama.py, undo_permute). Mistral files say llama.
 */
const ARCHITECTURES: ReadonlyMap<string, { readonly permuted: boolean }> = new Map([
  ['llama', { permuted: true }],
  ['qwen2', { permuted: false }],
  ['qwen3', { permuted: false }],
]);

/** Architectures whose PEFT adapters can be read. */
export const PEFT_ARCHITECTURES: readonly string[] = [...ARCHITECTURES.keys()];

/**
 * `base_model.model.model.layers.3.mlp.up_proj` → `blk.3.ffn_up.weight`; null for a module that has no place
 * here.
 */
export function tensorOfModule(module: string): string | null {
  const path = module.replace(/^base_model\.model\./, '').replace(/^model\./, '');
  for (const [name, tensor] of [EMBEDDING, OUTPUT]) if (path === name) return tensor;
  const [, layer, part] = /^layers\.(\d{1,4})\.(.+)$/.exec(path) ?? [];
  const target = MODULES.find(([name]) => name === part)?.[1];
  return target === undefined ? null : `blk.${Number(layer)}.${target}.weight`;
}

/**
 * The inverse of tensorOfModule, without PEFT's prefix. @returns null for a tensor that is no such matrix.
 */
export function moduleOfTensor(tensor: string): string | null {
  if (tensor === EMBEDDING[1]) return `model.${EMBEDDING[0]}`;
  if (tensor === OUTPUT[1]) return OUTPUT[0];
  const [, layer, target] = /^blk\.(\d{1,4})\.(\w+)\.weight$/.exec(tensor) ?? [];
  const name = MODULES.find(([, known]) => known === target)?.[0];
  return name === undefined ? null : `model.layers.${layer}.${name}`;
}

/** Heads of the model that an adapter is for: one number for every layer. */
export interface Heads {
  readonly architecture: string;
  readonly heads: readonly number[];
  readonly keyValueHeads: readonly number[];
}

/**
 * Where the rows of a matrix go on the way from transformers to GGUF.
 * @returns for each row of the GGUF file the row it has in transformers; null when they stay.
 */
export function rowOrder(tensor: string, rows: number, model: Heads): Int32Array | null {
  if (ARCHITECTURES.get(model.architecture)?.permuted !== true) return null;
  const [, layer, which] = /^blk\.(\d+)\.attn_([qk])\.weight$/.exec(tensor) ?? [];
  if (layer === undefined) return null;
  const heads = (which === 'q' ? model.heads : model.keyValueHeads)[Number(layer)] ?? 1;
  const length = rows / heads;
  const half = length / 2;
  // Row (head, side, pair) becomes row (head, pair, side).
  return Int32Array.from({ length: rows }, (_, row) => {
    const within = row % length;
    return row - within + (within % 2) * half + (within >> 1);
  });
}

/** @returns the rows in that order; `order[i]` is the row that comes i-th. */
export function reordered(matrix: Matrix, order: Int32Array | null): Matrix {
  if (order === null) return matrix;
  const { columns } = matrix;
  const values = new Float32Array(matrix.values.length);
  for (const [to, from] of order.entries())
    values.set(matrix.values.subarray(from * columns, (from + 1) * columns), to * columns);
  return { ...matrix, values };
}

/** @returns the order that undoes another. */
export function inverseOrder(order: Int32Array | null): Int32Array | null {
  if (order === null) return null;
  const inverse = new Int32Array(order.length);
  for (const [to, from] of order.entries()) inverse[from] = to;
  return inverse;
}
