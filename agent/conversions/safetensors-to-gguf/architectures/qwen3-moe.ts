import { type Architecture, DECODER, EXPERTS, HEAD_NORMS, u32 } from '../architecture.js';
import { headDefaults, windowCaveats } from './llama.js';

export const qwen3Moe: Architecture = {
  classes: ['Qwen3MoeForCausalLM'],
  gguf: 'qwen3moe',
  defaults: headDefaults,
  places: { ...DECODER, ...HEAD_NORMS, ...EXPERTS },
  entries: (config) => ({ expert_feed_forward_length: u32(config.size('moe_intermediate_size')) }),
  caveats: windowCaveats,
};
