import type { DecoderNumbers, ExpertNumbers, TokenIndexNumbers } from './assemble.js';
import type { FamilyReader } from './config.js';
import type { ConfigFile } from './config-file.js';
import { llama, qwen2, windowInEveryLayer } from './config-llama.js';

/** Mixtures of experts. transformers, src/transformers/models/<model_type>. */
export const MIXTURE_FAMILIES: readonly (readonly [string, FamilyReader])[] = [
  ['mixtral', mixtral],
  ['qwen2_moe', (config) => ({ ...qwen2(config), experts: qwenExperts(config, true) })],
  [
    'qwen3_moe',
    (config) => ({
      ...llama(config, { headLength: 128 }),
      queryKeyNorm: true,
      experts: qwenExperts(config, false),
    }),
  ],
  ['deepseek_v2', deepseek],
  ['deepseek_v3', deepseek],
  ['kimi_k2', deepseek],
  ['deepseek_v32', chooses],
  ['glm_moe_dsa', chooses],
  ['minimax_m2', minimax],
  ['gpt_oss', gptOss],
];

type Numbers = Omit<DecoderNumbers, 'family'>;

function mixtral(config: ConfigFile): Numbers {
  const numbers = llama(config);
  const { width } = numbers.feedForward;
  const [count, usedPerToken] = [config.size('num_local_experts'), config.size('num_experts_per_tok')];
  const module = 'block_sparse_moe.experts.0';
  return { ...windowInEveryLayer(config, numbers), experts: { count, usedPerToken, width, module } };
}

/** MiniMaxAI/MiniMax-M2, modeling_minimax_m2.py: queries and keys are normalized over all heads at once. */
function minimax(config: ConfigFile): Numbers {
  const numbers = llama(config);
  const { attention, feedForward } = numbers;
  return {
    ...numbers,
    positions: { kind: 'rotary', length: config.size('rotary_dim', attention.headLength) },
    queryKeyNorm: config.flag('use_qk_norm', true) ? 'across heads' : false,
    experts: {
      count: config.size('num_local_experts'),
      usedPerToken: config.size('num_experts_per_tok'),
      width: feedForward.width,
      sharedWidth: config.optionalSize('shared_intermediate_size') ?? 0,
      module: 'block_sparse_moe.experts.0',
      ...(config.text('scoring_func') === 'sigmoid' ? { gating: 'sigmoid' as const } : {}),
    },
  };
}

export function qwenExperts(config: ConfigFile, shared: boolean): ExpertNumbers {
  const step = config.size('decoder_sparse_step', 1);
  const dense = config.list('mlp_only_layers') ?? [];
  return {
    count: config.size('num_experts'),
    usedPerToken: config.size('num_experts_per_tok'),
    width: config.size('moe_intermediate_size'),
    sharedWidth: shared ? config.size('shared_expert_intermediate_size') : 0,
    sharedGate: shared,
    sharedModule: 'mlp.shared_expert',
    inLayer: (layer) => (layer + 1) % step === 0 && !dense.includes(layer),
  };
}

/** DeepSeek-V2 and V3, modeling_deepseek.py: latent attention, shared experts, dense layers first. */
function deepseek(config: ConfigFile): Numbers {
  const count = config.optionalSize('n_routed_experts');
  const firstDense = config.number('first_k_dense_replace', 0);
  const frequency = config.size('moe_layer_freq', 1);
  const ropeLength = config.size('qk_rope_head_dim');
  const gating =
    config.text('scoring_func') ?? (config.text('model_type') === 'deepseek_v3' ? 'sigmoid' : null);
  return {
    ...llama(config),
    positions: { kind: 'rotary', length: ropeLength },
    attention: {
      kind: 'latent',
      heads: config.size('num_attention_heads'),
      kvRank: config.size('kv_lora_rank'),
      queryRank: config.optionalSize('q_lora_rank'),
      ropeLength,
      headLength: config.size('qk_nope_head_dim'),
      valueLength: config.size('v_head_dim'),
    },
    experts: count === null ? null : mixture(count),
  };

  function mixture(count: number): ExpertNumbers {
    const width = config.size('moe_intermediate_size');
    return {
      count,
      usedPerToken: config.size('num_experts_per_tok'),
      width,
      sharedWidth: width * (config.optionalSize('n_shared_experts') ?? 0),
      ...(gating === 'sigmoid' ? { gating } : {}),
      inLayer: (layer) => layer >= firstDense && layer % frequency === 0,
    };
  }
}

/** DeepSeek-V3.2 and GLM-5, inference/model.py: a query sees the tokens that an index chose for it. */
function chooses(config: ConfigFile): Numbers {
  const numbers = deepseek(config);
  // GLM-5.2: `shared` layers take what the `full` one before them chose.
  const types = config.list('indexer_types');
  const index: TokenIndexNumbers = {
    heads: config.size('index_n_heads'),
    headLength: config.size('index_head_dim'),
    chosen: config.size('index_topk'),
    inLayer: (layer) => types?.[layer] !== 'shared',
  };
  return { ...numbers, attention: { ...numbers.attention, index } as DecoderNumbers['attention'] };
}

/** modeling_gpt_oss.py: every second layer has a window, every head a sink, every matrix a bias. */
function gptOss(config: ConfigFile): Numbers {
  const numbers = llama(config.withDefaults({ head_dim: 64, num_key_value_heads: 8 }), { biased: true });
  const window = config.size('sliding_window', 128);
  const types = config.list('layer_types');
  const sees = (layer: number) => (types === null ? layer % 2 === 1 : types[layer] === 'full_attention');
  return {
    ...numbers,
    attention: { ...numbers.attention, sinks: true } as DecoderNumbers['attention'],
    feedForward: { ...numbers.feedForward, activation: 'silu-clamped', bias: true },
    window: (layer) => (sees(layer) ? null : window),
    experts: {
      count: config.size('num_local_experts'),
      usedPerToken: config.size('num_experts_per_tok', config.optionalSize('experts_per_token') ?? 4),
      width: numbers.feedForward.width,
      gating: 'softmax-of-chosen',
      routerBias: true,
    },
  };
}
