import type { GgufValue } from '../../../formats/gguf/value.js';
import type { Written } from './gguf-of.js';

const u32 = (value: number): GgufValue => ({ type: 'u32', value });

const DENSE = {
  num_hidden_layers: 2,
  hidden_size: 128,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 192,
  vocab_size: 512,
  max_position_embeddings: 512,
};

const DEEPSEEK = {
  ...DENSE,
  num_key_value_heads: 4,
  num_hidden_layers: 3,
  q_lora_rank: 96,
  kv_lora_rank: 64,
  qk_nope_head_dim: 32,
  qk_rope_head_dim: 16,
  v_head_dim: 32,
  first_k_dense_replace: 1,
  n_routed_experts: 4,
  n_shared_experts: 1,
  num_experts_per_tok: 2,
  moe_intermediate_size: 96,
};

/**
 * Small models of every kind of graph: the config that their shape is read from, and how their file is
 * written.
 */
export const MODELS: Readonly<
  Record<string, Written & { readonly config: Readonly<Record<string, unknown>> }>
> = {
  llama: { as: 'llama', config: { ...DENSE, model_type: 'llama' } },
  mixtral: {
    as: 'llama',
    config: { ...DENSE, model_type: 'mixtral', num_local_experts: 4, num_experts_per_tok: 2 },
  },
  qwen2: { as: 'qwen2', config: { ...DENSE, model_type: 'qwen2', tie_word_embeddings: true } },
  qwen3: { as: 'qwen3', config: { ...DENSE, model_type: 'qwen3', head_dim: 64 } },
  'qwen3-moe': {
    as: 'qwen3moe',
    config: {
      ...DENSE,
      model_type: 'qwen3_moe',
      head_dim: 64,
      num_experts: 4,
      num_experts_per_tok: 2,
      moe_intermediate_size: 96,
    },
  },
  gemma3: {
    as: 'gemma3',
    window: 16,
    config: {
      ...DENSE,
      num_hidden_layers: 6,
      model_type: 'gemma3_text',
      head_dim: 64,
      sliding_window: 16,
    },
  },
  phi3: { as: 'phi3', config: { ...DENSE, model_type: 'phi3' } },
  gpt2: {
    as: 'gpt2',
    config: { model_type: 'gpt2', n_layer: 2, n_embd: 128, n_head: 4, n_positions: 512, vocab_size: 512 },
  },
  falcon: {
    as: 'falcon',
    config: {
      model_type: 'falcon',
      num_hidden_layers: 2,
      hidden_size: 128,
      num_attention_heads: 4,
      multi_query: true,
      parallel_attn: true,
      vocab_size: 512,
    },
  },
  'deepseek-v2': {
    as: 'deepseek2',
    config: { ...DEEPSEEK, model_type: 'deepseek_v2' },
  },
  'deepseek-v3': {
    as: 'deepseek2',
    keys: { expert_gating_func: u32(2), expert_weights_norm: { type: 'bool', value: true } },
    config: { ...DEEPSEEK, model_type: 'deepseek_v3' },
  },
  'qwen2-moe': {
    as: 'qwen2moe',
    keys: { expert_shared_feed_forward_length: u32(64) },
    config: {
      ...DENSE,
      model_type: 'qwen2_moe',
      num_experts: 4,
      num_experts_per_tok: 2,
      moe_intermediate_size: 96,
      shared_expert_intermediate_size: 64,
    },
  },
  gemma2: {
    as: 'gemma2',
    window: 16,
    config: { ...DENSE, model_type: 'gemma2', head_dim: 64, sliding_window: 16 },
  },
  olmo2: {
    as: 'olmo2',
    norms: ['post_attention_norm', 'post_ffw_norm'],
    config: { ...DENSE, model_type: 'olmo2' },
  },
  smollm3: {
    as: 'smollm3',
    config: { ...DENSE, num_hidden_layers: 5, model_type: 'smollm3' },
  },
  'gpt-oss': {
    as: 'gpt-oss',
    window: 16,
    norms: ['attn_norm', 'post_attention_norm'],
    config: {
      ...DENSE,
      model_type: 'gpt_oss',
      head_dim: 32,
      sliding_window: 16,
      num_local_experts: 4,
      num_experts_per_tok: 2,
    },
  },
  bert: {
    as: 'bert',
    norms: ['attn_output_norm', 'layer_output_norm'],
    keys: {
      'attention.causal': { type: 'bool', value: false },
      'tokenizer.ggml.token_type_count': u32(2),
    },
    config: { ...DENSE, model_type: 'bert', num_key_value_heads: 4 },
  },
};
