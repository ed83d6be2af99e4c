import { type Architecture, DECODER } from '../architecture.js';
import { headDefaults, windowCaveats } from './llama.js';

export const qwen2: Architecture = {
  classes: ['Qwen2ForCausalLM'],
  defaults: headDefaults,
  places: DECODER,
  entries: () => ({}),
  values: () => ({}),
  caveats: windowCaveats,
};
