import { type Architecture, DECODER, EXPERTS, u32 } from '../architecture.js';
import { headDefaults, windowCaveats } from './llama.js';

/** One expert is asked for every token, beside those that the router chooses. */
export const qwen2Moe: Architecture = {
  classes: ['Qwen2MoeForCausalLM'],
  defaults: headDefaults,
  places: {
    ...DECODER,
    ...EXPERTS,
    'model.layers.*.mlp.shared_expert.gate_proj': 'blk.*.ffn_gate_shexp',
    'model.layers.*.mlp.shared_expert.up_proj': 'blk.*.ffn_up_shexp',
    'model.layers.*.mlp.shared_expert.down_proj': 'blk.*.ffn_down_shexp',
    'model.layers.*.mlp.shared_expert_gate': 'blk.*.ffn_gate_inp_shexp',
  },
  entries: (config) => ({
    expert_feed_forward_length: u32(config.size('moe_intermediate_size')),
    expert_shared_feed_forward_length: u32(config.size('shared_expert_intermediate_size')),
  }),
  values: (keys) => ({
    moe_intermediate_size: keys.number('expert_feed_forward_length'),
    shared_expert_intermediate_size: keys.number('expert_shared_feed_forward_length'),
    num_experts: keys.number('expert_count'),
    decoder_sparse_step: 1,
    // The graph leaves the shares of the chosen experts as the softmax over all gave them.
    norm_topk_prob: false,
  }),
  caveats: windowCaveats,
};
