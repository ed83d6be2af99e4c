import { FormatError } from '../../../../formats/format.js';
import {
  type Architecture,
  bool,
  DECODER,
  type Entries,
  EXPERTS,
  f32,
  type Keys,
  u32,
} from '../architecture.js';
import { type FolderConfig, ropeOf, type Values } from '../config.js';
import { partOf, reshaped, rowCount, rowLength, stackRows, transposed, type Weights } from '../weights.js';

/** DeepSeek V2 and its likes: latent attention, experts behind some dense layers. */
export const deepseekV2: Architecture = deepseek(
  ['DeepseekV2ForCausalLM'],
  { rms_norm_eps: 1e-6, rope_theta: 10_000, first_k_dense_replace: 0 },
  (keys) => keys.number(GATING) !== SIGMOID,
);

/**
 * The router of V3 judges by sigmoids, with a bias for each expert, also where its config does not say so.
 */
export const deepseekV3: Architecture = deepseek(
  ['DeepseekV3ForCausalLM'],
  {
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    first_k_dense_replace: 3,
    scoring_func: 'sigmoid',
    norm_topk_prob: true,
  },
  (keys) => keys.number(GATING) === SIGMOID,
);

/** llama-hparams.h, enum llama_expert_gating_func_type. */
const [GATING, SIGMOID] = ['expert_gating_func', 2] as const;

function deepseek(
  classes: readonly string[],
  defaults: Values,
  claims: NonNullable<Architecture['claims']>,
): Architecture {
  return {
    classes,
    claims,
    defaults: () => defaults,
    places: {
      ...DECODER,
      ...EXPERTS,
      'model.layers.*.self_attn.q_a_proj': 'blk.*.attn_q_a',
      'model.layers.*.self_attn.q_a_layernorm': 'blk.*.attn_q_a_norm',
      'model.layers.*.self_attn.q_b_proj': 'blk.*.attn_q_b',
      'model.layers.*.self_attn.kv_a_proj_with_mqa': 'blk.*.attn_kv_a_mqa',
      'model.layers.*.self_attn.kv_a_layernorm': 'blk.*.attn_kv_a_norm',
      // What makes keys and values of the latent vector is put into queries and outputs, a matrix for each
      // head.
      'model.layers.*.self_attn.kv_b_proj': {
        into: [
          {
            to: 'blk.*.attn_k_b',
            transform: (weights, config) =>
              transposed(partOf(byHead(weights, config), 0, config.size('qk_nope_head_dim'))),
          },
          {
            to: 'blk.*.attn_v_b',
            transform: (weights, config) =>
              partOf(byHead(weights, config), config.size('qk_nope_head_dim'), config.size('v_head_dim')),
          },
        ],
        joined([keys, values]) {
          const heads = stackRows([transposed(keys!), values!]);
          return reshaped(heads, [rowCount(heads), rowLength(heads)]);
        },
      },
      'model.layers.*.mlp.gate.e_score_correction_bias': 'blk.*.exp_probs_b.bias',
      'model.layers.*.mlp.shared_experts.gate_proj': 'blk.*.ffn_gate_shexp',
      'model.layers.*.mlp.shared_experts.up_proj': 'blk.*.ffn_up_shexp',
      'model.layers.*.mlp.shared_experts.down_proj': 'blk.*.ffn_down_shexp',
    },
    // Layers behind the last guess more than one token at once.
    unused(name, config) {
      const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
      return (
        (layer !== undefined && Number(layer) >= config.count('num_hidden_layers')) ||
        (name === 'lm_head.weight' && config.flag('tie_word_embeddings'))
      );
    },
    shapes(config) {
      const [n, heads] = [config.size('hidden_size'), config.size('num_attention_heads')];
      const queries = heads * (config.size('qk_nope_head_dim') + config.size('qk_rope_head_dim'));
      return {
        'attn_q.weight': [queries, n],
        'attn_output.weight': [n, heads * config.size('v_head_dim')],
        'attn_kv_a_mqa.weight': [config.size('kv_lora_rank') + config.size('qk_rope_head_dim'), n],
      };
    },
    entries,
    values,
    caveats: requireKnownQueries,
  };
}

/**
 * llama.cpp tells by the number of layers whether queries go by way of a rank (src/models/deepseek2.cpp,
 * is_lite).
 */
function requireKnownQueries(config: FolderConfig): readonly string[] {
  const layers = config.size('num_hidden_layers');
  const isDirect = [26, 27].includes(layers) || (layers === 48 && config.size('vocab_size') === 128_256);
  if (isDirect !== config.has('q_lora_rank')) return [];
  throw new FormatError(
    isDirect
      ? `its queries have a rank (q_lora_rank), and llama.cpp takes a model of ${layers} layers for one without`
      : `its queries have no rank (q_lora_rank), and llama.cpp runs such models of 26 or 27 layers alone: it has ${layers}`,
  );
}

const byHead = (weights: Weights, config: FolderConfig) =>
  reshaped(weights, [
    config.size('num_attention_heads'),
    config.size('qk_nope_head_dim') + config.size('v_head_dim'),
    config.size('kv_lora_rank'),
  ]);

function entries(config: FolderConfig): Entries {
  const optional = (name: string) => (config.has(name) ? config.count(name) : null);
  const [queryRank, experts] = [optional('q_lora_rank'), optional('n_routed_experts')];
  const latent = config.size('kv_lora_rank');
  const positions = config.size('qk_rope_head_dim');
  const scale = config.has('routed_scaling_factor') ? config.number('routed_scaling_factor') : null;
  const { values } = ropeOf(config);
  return {
    // The latent vector is one head of keys for all queries.
    'attention.head_count_kv': u32(1),
    leading_dense_block_count: u32(
      experts === null ? config.size('num_hidden_layers') : config.count('first_k_dense_replace'),
    ),
    vocab_size: u32(config.size('vocab_size')),
    'attention.q_lora_rank': queryRank === null ? null : u32(queryRank),
    'attention.kv_lora_rank': u32(latent),
    'attention.key_length': u32(latent + positions),
    'attention.value_length': u32(latent),
    'attention.key_length_mla': u32(config.size('qk_nope_head_dim') + positions),
    'attention.value_length_mla': u32(config.size('v_head_dim')),
    expert_feed_forward_length: u32(
      config.size(config.has('moe_intermediate_size') ? 'moe_intermediate_size' : 'intermediate_size'),
    ),
    expert_shared_count: u32(optional('n_shared_experts') ?? 0),
    expert_weights_scale: scale === null ? null : f32(scale),
    expert_weights_norm: config.flag('norm_topk_prob') ? bool(true) : null,
    'rope.dimension_count': u32(positions),
    // As its graph multiplies it again (llama.cpp, TAG_DEEPSEEK2_YARN_LOG_MUL_FIX).
    'rope.scaling.yarn_log_multiplier': values.has('mscale_all_dim')
      ? f32(0.1 * values.number('mscale_all_dim'))
      : null,
  };
}

function values(keys: Keys): Values {
  const positions = keys.number('rope.dimension_count') ?? 0;
  const groups = keys.number('expert_group_count');
  const experts = keys.number('expert_count');
  return {
    num_key_value_heads: keys.number('attention.head_count'),
    head_dim: positions,
    q_lora_rank: keys.number('attention.q_lora_rank'),
    kv_lora_rank: keys.number('attention.kv_lora_rank'),
    qk_rope_head_dim: positions,
    qk_nope_head_dim: (keys.number('attention.key_length_mla') ?? 0) - positions,
    v_head_dim: keys.number('attention.value_length_mla'),
    attention_bias: keys.has('blk.0.attn_output.bias'),
    moe_intermediate_size: keys.number('expert_feed_forward_length'),
    first_k_dense_replace: keys.number('leading_dense_block_count'),
    n_routed_experts: experts,
    n_shared_experts: keys.number('expert_shared_count'),
    routed_scaling_factor: keys.number('expert_weights_scale') ?? 1,
    norm_topk_prob: keys.flag('expert_weights_norm'),
    scoring_func: keys.number(GATING) === SIGMOID ? 'sigmoid' : 'softmax',
    n_group: groups ?? undefined,
    topk_group: keys.number('expert_group_used_count') ?? undefined,
    // The graph chooses among groups where there are several; V3 has no other way.
    topk_method:
      keys.number(GATING) === SIGMOID ? undefined : (groups ?? 1) > 1 ? 'group_limited_greedy' : 'greedy',
  };
}
