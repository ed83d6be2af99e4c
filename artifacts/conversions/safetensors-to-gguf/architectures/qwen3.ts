import { type Architecture, DECODER, HEAD_NORMS } from '../architecture.js';
import { headDefaults, windowCaveats } from './llama.js';

export const qwen3: Architecture = {
  classes: ['Qwen3ForCausalLM'],
  defaults: (config) => ({ ...headDefaults(config), head_dim: 128 }),
  places: { ...DECODER, ...HEAD_NORMS },
  entries: () => ({}),
  values: () => ({}),
  caveats: windowCaveats,
};
