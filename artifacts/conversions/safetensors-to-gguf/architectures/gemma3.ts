import { type Architecture, f32, HEAD_NORMS, plusOne, u32 } from '../architecture.js';
import { GEMMA, gemmaValues, isTiedOutput, scaleCaveats } from './gemma2.js';

/** The text model alone; of one with an encoder of images that is left out. */
export const gemma3: Architecture = {
  classes: ['Gemma3ForCausalLM', 'Gemma3ForConditionalGeneration'],
  defaults: () => ({
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131_072,
    rms_norm_eps: 1e-6,
    sliding_window: 4096,
    query_pre_attn_scalar: 256,
    vocab_size: 262_208,
    rope_theta: 1_000_000,
    rope_local_base_freq: 10_000,
  }),
  places: { ...GEMMA, ...plusOne(HEAD_NORMS, /norm$/) },
  unused: (name) => isTiedOutput(name) || /(?:^|\.)(?:vision_tower|multi_modal_projector)\./.test(name),
  entries: (config) => ({
    'attention.sliding_window': u32(config.size('sliding_window')),
    final_logit_softcapping: config.has('final_logit_softcapping')
      ? f32(config.number('final_logit_softcapping'))
      : null,
  }),
  // The text model alone has a type of its own.
  values: (keys) => ({
    model_type: 'gemma3_text',
    ...gemmaValues(keys),
    rope_local_base_freq: keys.number('rope.freq_base_swa') ?? 10_000,
  }),
  caveats: scaleCaveats,
};
