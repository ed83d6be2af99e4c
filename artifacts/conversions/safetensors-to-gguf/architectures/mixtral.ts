import { type Architecture, DECODER, FUSED_EXPERTS, PAIRED } from '../architecture.js';
import { headDefaults, llamaEntries, llamaValues, ropeFactors, windowCaveats } from './llama.js';

/** Llama’s graph with experts. */
export const mixtral: Architecture = {
  classes: ['MixtralForCausalLM'],
  defaults: headDefaults,
  places: {
    ...DECODER,
    ...PAIRED,
    'model.layers.*.block_sparse_moe.gate': 'blk.*.ffn_gate_inp',
    'model.layers.*.block_sparse_moe.experts.#.w1': 'blk.*.ffn_gate_exps',
    'model.layers.*.block_sparse_moe.experts.#.w2': 'blk.*.ffn_down_exps',
    'model.layers.*.block_sparse_moe.experts.#.w3': 'blk.*.ffn_up_exps',
    ...FUSED_EXPERTS,
  },
  entries: llamaEntries,
  values: (keys) => ({ ...llamaValues(keys), num_local_experts: keys.number('expert_count') }),
  added: ropeFactors,
  caveats: windowCaveats,
};
