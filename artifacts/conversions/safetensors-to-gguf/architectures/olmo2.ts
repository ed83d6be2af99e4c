import { type Architecture, DECODER, HEAD_NORMS } from '../architecture.js';
import { headDefaults } from './llama.js';

/** Norms stand behind both halves of a layer and in front of none. */
export const olmo2: Architecture = {
  classes: ['Olmo2ForCausalLM'],
  defaults: (config) => ({ ...headDefaults(config), rms_norm_eps: 1e-5 }),
  places: {
    ...DECODER,
    ...HEAD_NORMS,
    'model.layers.*.post_attention_layernorm': 'blk.*.post_attention_norm',
    'model.layers.*.post_feedforward_layernorm': 'blk.*.post_ffw_norm',
  },
  entries: () => ({}),
  values: () => ({}),
};
