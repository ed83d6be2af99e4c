import { type Architecture, DECODER, f32, type Keys, type Places, plusOne, u32 } from '../architecture.js';
import type { FolderConfig, Values } from '../config.js';
import { headDefaults } from './llama.js';

/** Norms before and after both halves of a layer; transformers multiplies by one more than the weight. */
export const GEMMA: Places = plusOne(
  {
    ...DECODER,
    'model.layers.*.post_attention_layernorm': 'blk.*.post_attention_norm',
    'model.layers.*.pre_feedforward_layernorm': 'blk.*.ffn_norm',
    'model.layers.*.post_feedforward_layernorm': 'blk.*.post_ffw_norm',
  },
  /norm$/,
);

export const gemma2: Architecture = {
  classes: ['Gemma2ForCausalLM'],
  defaults: (config) => ({
    ...headDefaults(config),
    head_dim: 256,
    max_position_embeddings: 8192,
    sliding_window: 4096,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    query_pre_attn_scalar: 256,
  }),
  places: GEMMA,
  unused: isTiedOutput,
  entries: (config) => ({
    attn_logit_softcapping: f32(config.number('attn_logit_softcapping')),
    final_logit_softcapping: f32(config.number('final_logit_softcapping')),
    'attention.sliding_window': u32(config.size('sliding_window')),
  }),
  values: (keys) => ({ ...gemmaValues(keys), attn_logit_softcapping: keys.number('attn_logit_softcapping') }),
  caveats: scaleCaveats,
};

/** Queries are scaled as the graph does it (`scaleCaveats`). */
export function gemmaValues(keys: Keys): Values {
  const shares = (keys.number('embedding_length') ?? 0) / (keys.number('attention.head_count') ?? 1);
  return {
    final_logit_softcapping: keys.number('final_logit_softcapping'),
    sliding_window: keys.number('attention.sliding_window'),
    query_pre_attn_scalar: LAYERS_OF_27B.includes(keys.number('block_count') ?? 0)
      ? shares
      : keys.number('attention.key_length'),
    hidden_activation: 'gelu_pytorch_tanh',
  };
}

/** Of Gemma 2 and 3. */
const LAYERS_OF_27B: readonly number[] = [46, 62];

/** The output matrix is the embedding's. */
export function isTiedOutput(name: string): boolean {
  return name === 'lm_head.weight';
}

/**
 * The graph scales queries by the length of a head, but those of 46 layers (27B) by the embedding over the
 * heads.
 */
export function scaleCaveats(config: FolderConfig): readonly string[] {
  const asked = config.number('query_pre_attn_scalar');
  const shares = config.size('hidden_size') / config.size('num_attention_heads');
  if (asked === config.size('head_dim') || asked === shares) return [];
  return [
    `its queries are scaled by ${asked}, and in llama.cpp’s graph by the length of a head: its answers differ`,
  ];
}
