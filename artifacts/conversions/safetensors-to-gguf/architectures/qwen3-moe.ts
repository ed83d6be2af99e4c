import { type Architecture, DECODER, EXPERTS, HEAD_NORMS, u32 } from '../architecture.js';
import { headDefaults, windowCaveats } from './llama.js';

export const qwen3Moe: Architecture = {
  classes: ['Qwen3MoeForCausalLM'],
  defaults: headDefaults,
  places: { ...DECODER, ...HEAD_NORMS, ...EXPERTS },
  entries: (config) => ({ expert_feed_forward_length: u32(config.size('moe_intermediate_size')) }),
  values: (keys) => ({
    moe_intermediate_size: keys.number('expert_feed_forward_length'),
    num_experts: keys.number('expert_count'),
    decoder_sparse_step: 1,
    // The graph makes the shares of the chosen experts add up to 1.
    norm_topk_prob: true,
  }),
  caveats: windowCaveats,
};
