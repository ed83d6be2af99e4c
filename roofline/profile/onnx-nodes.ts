import type { Module } from '../../core/work/work.js';
import type { Place } from './nodes.js';

/**
 * Parts of the names that exporters give to nodes (transformers' modules, and ggml's tensors); the first that
 * matches.
 */
const BY_NAME: readonly (readonly [RegExp, Module])[] = [
  [/norm/, 'norm'],
  [/rotary|rope/, 'rope'],
  [/(^|[._/])(router|gate_inp)([._/]|$)/, 'router'],
  [/(^|[._/])(q_proj|k_proj|v_proj|qkv_proj|query_key_value|c_attn|attn_(q|k|v|qkv))([._/]|$)/, 'qkv'],
  [/(^|[._/])(o_proj|out_proj|attn_output)([._/]|$)/, 'output'],
  [/(^|[._/])(mlp|feed_forward|gate_proj|up_proj|down_proj|gate_up_proj|fc1|fc2|ffn_?\w*)([._/]|$)/, 'mlp'],
  [/(^|[._/])(embed_tokens|token_embd|wte|wpe|embeddings?)([._/]|$)/, 'embedding'],
  [/(^|[._/])(lm_head|output)([._/]|$)/, 'lm-head'],
  [/attn|attention/, 'attention'],
];

/** Operators that are of one module whatever their nodes are called. */
const BY_OPERATION: Readonly<Record<string, Module>> = {
  Attention: 'attention',
  GroupQueryAttention: 'attention',
  LayerNormalization: 'norm',
  MultiHeadAttention: 'attention',
  RMSNormalization: 'norm',
  RotaryEmbedding: 'rope',
  SimplifiedLayerNormalization: 'norm',
  SkipLayerNormalization: 'norm',
  SkipSimplifiedLayerNormalization: 'norm',
  Softmax: 'attention',
};

/**
 * Says to which module of a transformer a node of an ONNX graph belongs: by its operator, then by the name
 * that an exporter gave it. The operator of a row is the name without layer and operation, so that all layers
 * come together.
 */
export function placeOfOnnxNode(name: string, operation: string, ranks: readonly number[] = []): Place {
  // Heads are multiplied with heads: a weight has two dimensions.
  const heads = /MatMul$/.test(operation) && ranks.length === 2 && ranks.every((rank) => rank === 4);
  const module = heads
    ? 'attention'
    : (BY_OPERATION[operation] ?? BY_NAME.find(([pattern]) => pattern.test(name))?.[1] ?? 'other');
  const parts = name
    .split(/[/.]/)
    .filter((part) => part !== '' && !/^(model|transformer|layers?|blk|h|weight|\d+)$/.test(part))
    .filter((part) => part.replace(/_\d+$/, '') !== operation);
  return { module, operator: parts.at(-1)?.replace(/_(token_)?\d+$/, '') || operation };
}
