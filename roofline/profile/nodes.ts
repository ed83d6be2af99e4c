import type { Module } from '../../core/work/work.js';

/** A node of llama.cpp's graph, as its evaluation callback shows it. */
export interface GraphNode {
  /** ggml's name of the operation: `MUL_MAT`. */
  readonly op: string;
  /** What llama.cpp calls it, with the layer behind it: `Qcur-3`; `node_17` where it has no name for it. */
  readonly name: string;
  /** ggml's name of the type, lower case; innermost dimension first. */
  readonly type: string;
  readonly shape: readonly number[];
  /** The first two things it reads: of a product the weights, then what they multiply. */
  readonly sources: readonly {
    readonly name: string;
    readonly type: string;
    readonly shape: readonly number[];
  }[];
}

export interface Place {
  readonly module: Module;
  /**
   * The matrix or the step, the same in every layer: `attn_q`, `ffn_norm`, `kq_soft_max`; the operation where
   * it has no name.
   */
  readonly operator: string;
}

/** Weights by the part of their name between block and suffix; the first that matches. */
const BY_WEIGHTS: readonly (readonly [RegExp, Module])[] = [
  [/norm/, 'norm'],
  [/^attn_(output|out)$/, 'output'],
  // What makes queries, keys and values, also from the latents of MLA.
  [/^attn_(q|k|v|qkv|q_a|q_b|kv_a_mqa|kv_a|kv_b|k_b|v_b)$/, 'qkv'],
  [/^attn_sinks$/, 'attention'],
  [/^ffn_(gate_inp|exp_probs)/, 'router'],
  [/^ffn_/, 'mlp'],
  [/^(token_embd|position_embd|token_types|per_layer)/, 'embedding'],
  [/^output/, 'lm-head'],
];

/** Names that llama.cpp gives to nodes, without the layer; the first that matches. */
const BY_NAME: readonly (readonly [RegExp, Module])[] = [
  [/^(inp_embd|inp_scaled|inpL|embd|inp_per_layer)/, 'embedding'],
  [/^ffn_moe_(logits|probs|argsort|topk|weights|group|masked)/, 'router'],
  [/^(ffn_inp|l_out|sa_out|attn_residual|attn_add|ffn_add)$/, 'residual'],
  [/norm(ed)?$|^norm_w$/, 'norm'],
  [/^(kq|kqv|fattn|v_cont|cache_[kv]|KQ_mask|self_kq)/, 'attention'],
  [
    /^(Qcur|Kcur|Vcur|wqkv|qkv|q|k|v|q_pe|k_pe|q_nope|kv|kv_cmpr|k_nope|kv_cmpr_pe|q_nope_absorbed)($|[^a-z])/,
    'qkv',
  ],
  [/^(attn_out|kqv_wo)$/, 'output'],
  [/^result_output/, 'lm-head'],
  [/^ffn_/, 'mlp'],
];

/** Operations that are of one module whatever they are called. */
const BY_OPERATION: Readonly<Record<string, Module>> = {
  ROPE: 'rope',
  FLASH_ATTN_EXT: 'attention',
  RMS_NORM: 'norm',
  NORM: 'norm',
  L2_NORM: 'norm',
  GLU: 'mlp',
};

/**
 * Says to which module of a transformer a node belongs: by the weights that it reads, then by its operation,
 * then by the name that llama.cpp gave it (`cb` of llama-graph.cpp and of src/models). What none of these
 * tells is `other`.
 */
export function placeOf(node: GraphNode): Place {
  const name = withoutLayer(node.name);
  const weights = node.sources.map((source) => weightsOf(source.name)).find((stem) => stem !== null) ?? null;
  if (node.sources.some((source) => /\.lora_[ab]$/.test(source.name))) {
    return { module: 'adapter', operator: weights ?? operationOf(node) };
  }
  const first = weightsOf(node.sources[0]?.name ?? '');
  // A tied output matrix has the embedding's name: rows are taken of the one, and the other is multiplied
  // with.
  if (first === 'token_embd') return tied(node);
  const cached = node.op === 'SET_ROWS' || node.sources.some((source) => source.name.startsWith('cache_'));
  if (cached && weights === null) {
    return { module: 'attention', operator: node.op === 'SET_ROWS' ? 'cache_write' : named(name, node) };
  }
  const module =
    found(BY_WEIGHTS, weights) ?? BY_OPERATION[node.op] ?? found(BY_NAME, isNamed(name) ? name : null);
  return { module: module ?? 'other', operator: weights ?? named(name, node) };
}

const tied = (node: GraphNode): Place =>
  node.op === 'GET_ROWS'
    ? { module: 'embedding', operator: 'token_embd' }
    : { module: 'lm-head', operator: 'output' };

const found = (table: readonly (readonly [RegExp, Module])[], text: string | null): Module | null =>
  text === null ? null : (table.find(([pattern]) => pattern.test(text))?.[1] ?? null);

/**
 * `blk.3.attn_q.weight` → `attn_q`, `output_norm.weight` → `output_norm`; null for what is no weight of a
 * model.
 */
function weightsOf(name: string): string | null {
  return /^(?:blk\.\d+\.)?([A-Za-z0-9_]+)\.(?:weight|bias|scale)\b/.exec(name)?.[1] ?? null;
}

const withoutLayer = (name: string) => name.replace(/ \(.*$/, '').replace(/-\d+$/, '');
const isNamed = (name: string) => name !== '' && !/^node_\d+$/.test(name);
const operationOf = (node: GraphNode) => node.op.toLowerCase();
const named = (name: string, node: GraphNode) => (isNamed(name) ? name : operationOf(node));
