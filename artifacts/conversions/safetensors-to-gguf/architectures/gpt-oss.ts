import { type Architecture, DECODER, u32 } from '../architecture.js';
import { alternate, type Every, interleaved, transposed } from '../weights.js';

const EVEN: Every = { from: 0, step: 2 };
const ODD: Every = { from: 1, step: 2 };

/** Rows of gate and up alternate, and experts are written with inputs first. */
export const gptOss: Architecture = {
  classes: ['GptOssForCausalLM'],
  defaults: () => ({
    head_dim: 64,
    num_key_value_heads: 8,
    rms_norm_eps: 1e-5,
    rope_theta: 150_000,
    sliding_window: 128,
    num_experts_per_tok: 4,
  }),
  places: {
    ...DECODER,
    'model.layers.*.self_attn.sinks': 'blk.*.attn_sinks.weight',
    'model.layers.*.post_attention_layernorm': 'blk.*.post_attention_norm',
    'model.layers.*.mlp.router': 'blk.*.ffn_gate_inp',
    'model.layers.*.mlp.experts.gate_up_proj': {
      into: [
        { to: 'blk.*.ffn_gate_exps.weight', transform: (weights) => transposed(weights, EVEN) },
        { to: 'blk.*.ffn_up_exps.weight', transform: (weights) => transposed(weights, ODD) },
      ],
      joined: (parts) => transposed(interleaved(parts)),
    },
    // As they are published: blocks of MXFP4, outputs first.
    'model.layers.*.mlp.experts.gate_up_proj_mxfp4': {
      into: [
        { to: 'blk.*.ffn_gate_exps.weight', transform: (weights) => alternate(weights, EVEN) },
        { to: 'blk.*.ffn_up_exps.weight', transform: (weights) => alternate(weights, ODD) },
      ],
      joined: interleaved,
    },
    'model.layers.*.mlp.experts.down_proj_mxfp4': 'blk.*.ffn_down_exps.weight',
    'model.layers.*.mlp.experts.gate_up_proj_bias': {
      into: [
        { to: 'blk.*.ffn_gate_exps.bias', transform: (weights) => transposed(transposed(weights, EVEN)) },
        { to: 'blk.*.ffn_up_exps.bias', transform: (weights) => transposed(transposed(weights, ODD)) },
      ],
      joined: (parts) => transposed(interleaved(parts.map((part) => transposed(part)))),
    },
    'model.layers.*.mlp.experts.down_proj': {
      to: 'blk.*.ffn_down_exps.weight',
      transform: (weights) => transposed(weights),
      inverse: (weights) => transposed(weights),
    },
    'model.layers.*.mlp.experts.down_proj_bias': 'blk.*.ffn_down_exps.bias',
  },
  entries: (config) => ({
    'attention.sliding_window': u32(config.size('sliding_window')),
    expert_feed_forward_length: u32(config.size('intermediate_size')),
  }),
  values: (keys) => ({
    intermediate_size: keys.number('expert_feed_forward_length'),
    num_local_experts: keys.number('expert_count'),
    sliding_window: keys.number('attention.sliding_window'),
    attention_bias: true,
  }),
  // Ramps between frequencies begin and end where they are computed, and not at whole dimensions.
  yarn: { truncate: false },
};
