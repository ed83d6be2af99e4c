import { type PassWork, totalBytes } from '../../../core/work/work.js';
import { nodeWork } from '../../../roofline/graph/node-work.js';
import { type GraphNode, placeOf } from '../../../roofline/profile/nodes.js';

interface NodeCount {
  readonly flops: number;
  readonly bytes: number;
}

function countNode(node: GraphNode): NodeCount {
  const { flops, read, written } = nodeWork(node);
  return { flops, bytes: read.reduce((sum, bytes) => sum + bytes, written) };
}

/** Operators as both sides have them. */
export type Group = string;

/** Why a node of the graph, or a part of it, has no counterpart in the analytic count. */
export const REASONS = {
  epilogue: 'a bias, or the weight of a norm, is a node of its own: its input is written and read once more',
  copy: 'a copy that makes rows contiguous, or joins two parts of a head',
  'scaled queries': 'queries are divided by √d in a node of their own, not in the product',
  'choice of experts': 'sorting, taking and normalizing the weights of the experts',
  'weighted experts': 'what experts give is weighed in one node and added in another',
  'values in keys': 'values of latent attention are the front of the keys, and ggml reads them a second time',
  'shared gate': 'what the shared expert gives is weighed by a sigmoid that is put together of two nodes',
  caps: 'scores and logits are capped (Gemma 2) in nodes of their own',
  'rows of the norm':
    'rows are taken of the normalized input, too, where attention and feed-forward share it',
} as const;
export type Reason = keyof typeof REASONS;

export interface Comparison {
  readonly groups: ReadonlyMap<Group, { readonly graph: NodeCount; readonly pass: NodeCount }>;
  /** What was left out of the graph's side. */
  readonly explained: ReadonlyMap<Reason, NodeCount>;
}

const BY_OPERATOR: Readonly<Record<string, Group>> = {
  embed_tokens: 'token_embd',
  embed_positions: 'position_embd',
  embed_scale: 'inp_scaled',
  embed_add: 'inpL',
  embed_types: 'token_types',
  q_proj: 'attn_q',
  k_proj: 'attn_k',
  v_proj: 'attn_v',
  qkv_proj: 'attn_qkv',
  q_a_proj: 'attn_q_a',
  q_b_proj: 'attn_q_b',
  kv_a_proj: 'attn_kv_a_mqa',
  q_absorb: 'attn_k_b',
  v_absorb: 'attn_v_b',
  o_proj: 'attn_output',
  cache_store: 'cache_write',
  gate_proj: 'ffn_gate',
  up_proj: 'ffn_up',
  gate_up_proj: 'ffn_up',
  down_proj: 'ffn_down',
  expert_gate_proj: 'ffn_gate_exps',
  expert_up_proj: 'ffn_up_exps',
  expert_down_proj: 'ffn_down_exps',
  shared_gate_proj: 'ffn_gate_shexp',
  shared_up_proj: 'ffn_up_shexp',
  shared_down_proj: 'ffn_down_shexp',
  mlp_act: 'activation',
  expert_sum: 'expert_sum',
  shared_add: 'ffn_out',
  shared_gate: 'ffn_gate_inp_shexp',
  router: 'ffn_gate_inp',
  router_softmax: 'ffn_moe_probs',
  select_rows: 'get_rows',
  lm_head: 'output',
};
const BY_MODULE: Readonly<Record<string, Group>> = {
  norm: 'norm',
  rope: 'rope',
  attention: 'attention',
  residual: 'residual',
};

/** Holds the nodes of a graph against the operators of a pass, group by group. */
export function compare(nodes: readonly GraphNode[], pass: PassWork, latentKeys: number | null): Comparison {
  const groups = new Map<Group, { graph: NodeCount; pass: NodeCount }>();
  const explained = new Map<Reason, NodeCount>();
  const into = (group: Group) => {
    const found = groups.get(group) ?? { graph: NOTHING, pass: NOTHING };
    groups.set(group, found);
    return found;
  };
  for (const node of nodes) {
    const count = countNode(node);
    const [reason, part] = explanation(node, count, latentKeys);
    if (reason !== null) explained.set(reason, plus(explained.get(reason) ?? NOTHING, part));
    const rest = { flops: count.flops - part.flops, bytes: count.bytes - part.bytes };
    if (reason !== null && rest.flops === 0 && rest.bytes === 0) continue;
    const entry = into(groupOfNode(node));
    entry.graph = plus(entry.graph, rest);
  }
  for (const { name, module, flops, traffic } of pass.operators) {
    const entry = into(BY_OPERATOR[name] ?? BY_MODULE[module] ?? name);
    entry.pass = plus(entry.pass, { flops, bytes: totalBytes(traffic) });
  }
  return { groups, explained };
}

const NOTHING: NodeCount = { flops: 0, bytes: 0 };
const plus = (a: NodeCount, b: NodeCount): NodeCount => ({
  flops: a.flops + b.flops,
  bytes: a.bytes + b.bytes,
});

function groupOfNode(node: GraphNode): Group {
  const { module, operator } = placeOf(node);
  if (/^ffn_(moe_)?(swiglu|geglu|gelu|relu|silu|swiglu_oai)$/.test(operator)) return 'activation';
  // The softmax over the experts that were chosen: llama.cpp names its other shape.
  if (node.op === 'SOFT_MAX' && node.sources[0]?.name.startsWith('ffn_moe_weights')) return 'ffn_moe_probs';
  if (operator === 'ffn_shexp_out') return 'ffn_out';
  if (operator === 'inp_embd' && node.op === 'ADD') return 'inpL';
  if (/^ffn_moe_(weighted|out)$/.test(operator)) return 'expert_sum';
  if (operator === 'cache_write') return operator;
  // Phi-3 and Falcon leave their residual additions without a name.
  if (node.op === 'ADD' && module === 'other') return 'residual';
  return BY_MODULE[module] ?? operator;
}

/** @returns what of a node has no counterpart, and why; nothing for most nodes. */
function explanation(
  node: GraphNode,
  count: NodeCount,
  latentKeys: number | null,
): readonly [Reason | null, NodeCount] {
  const { op, name, sources, shape } = node;
  const elements = shape.reduce((a, b) => a * b, 1);
  const [first, second] = sources;
  const { operator } = placeOf(node);
  if (['CONT', 'CPY', 'CONCAT', 'DUP'].includes(op)) return ['copy', count];
  if (operator === 'exp_probs_b') return ['choice of experts', count];
  if (/^ffn_shexp_gate$/.test(operator) || (op === 'UNARY' && first?.name.startsWith('ffn_shexp_gate_inp')))
    return ['shared gate', count];
  if (operator === 'ffn_shexp_out') return ['shared gate', { flops: 0, bytes: count.bytes }];
  if (/^(kq_(scaled|tanh)|result_output$)/.test(operator) || (op === 'UNARY' && !name.startsWith('ffn_')))
    return ['caps', count];
  if (op === 'ADD_ID') return ['epilogue', { flops: 0, bytes: 2 * 4 * elements }];
  if ((op === 'ADD' || op === 'MUL') && second !== undefined && /\.(weight|bias)$/.test(second.name)) {
    return ['epilogue', { flops: 0, bytes: 2 * 4 * elements }];
  }
  if (op === 'SCALE' && !name.startsWith('inp_scaled')) return ['scaled queries', count];
  if (/^ffn_moe_(argsort|topk|weights)/.test(operator)) return ['choice of experts', count];
  if (operator === 'ffn_moe_weighted') {
    // The weights are read, and the product is written, in a fused sum neither.
    return ['weighted experts', { flops: 0, bytes: 4 * elements + 4 * elementsOf(second) }];
  }
  if (operator === 'ffn_moe_out') return ['weighted experts', expertSum(node, count)];
  if (op === 'FLASH_ATTN_EXT' && latentKeys !== null) {
    return ['values in keys', { flops: 0, bytes: elementsOf(second) * 2 * ((shape[0] ?? 0) / latentKeys) }];
  }
  if (op === 'GET_ROWS' && first !== undefined && first.name.startsWith('attn_norm')) {
    return ['rows of the norm', count];
  }
  return [null, NOTHING];
}

/** Experts are added one to the other: each sum reads two and writes one, where one pass would write once. */
function expertSum({ shape }: GraphNode, count: NodeCount): NodeCount {
  return { flops: 0, bytes: count.bytes - 4 * shape.reduce((a, b) => a * b, 1) };
}

function elementsOf(tensor: GraphNode['sources'][number] | undefined): number {
  return tensor === undefined ? 0 : tensor.shape.reduce((a, b) => a * b, 1);
}
