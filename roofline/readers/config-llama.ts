import type { DecoderNumbers } from './assemble.js';
import type { FamilyReader } from './config.js';
import type { ConfigFile } from './config-file.js';

/**
 * Decoders with RMSNorm, rotary positions and a gated feed-forward. transformers,
 * src/transformers/models/<model_type>.
 */
export const LLAMA_FAMILIES: readonly (readonly [string, FamilyReader])[] = [
  ['llama', (config) => llama(config, { biased: config.flag('attention_bias', false) })],
  ['granite', (config) => llama(config, { biased: config.flag('attention_bias', false) })],
  ['mistral', (config) => windowInEveryLayer(config, llama(config))],
  ['smollm3', smollm3],
  ['qwen2', qwen2],
  ['qwen3', (config) => ({ ...llama(config, { headLength: 128 }), queryKeyNorm: true })],
  [
    'olmo2',
    (config) => ({
      ...llama(config, { biased: config.flag('attention_bias', false) }),
      queryKeyNorm: 'across heads',
      normsBehind: true,
    }),
  ],
  ['gemma', (config) => gemma(config, 2)],
  ['gemma2', gemma2],
  ['gemma3_text', gemma3],
  ['gemma3', gemma3],
  ['phi3', phi3],
  ['chatglm', chatglm],
];

type Numbers = Omit<DecoderNumbers, 'family'>;

interface Variant {
  readonly biased?: boolean;
  /** Where the config says none; embedding / heads otherwise. */
  readonly headLength?: number;
  readonly tied?: boolean;
}

export function llama(config: ConfigFile, variant: Variant = {}): Numbers {
  const embedding = config.size('hidden_size');
  const heads = config.size('num_attention_heads');
  const headLength = config.optionalSize('head_dim') ?? variant.headLength ?? embedding / heads;
  const biased = variant.biased === true;
  return {
    layers: config.size('num_hidden_layers'),
    embedding,
    vocabulary: config.size('vocab_size'),
    contextLength: config.size('max_position_embeddings'),
    tied: config.flag('tie_word_embeddings', variant.tied ?? false),
    norm: 'rms',
    normsPerLayer: 2,
    positions: { kind: 'rotary', length: headLength },
    attention: {
      kind: 'dot-product',
      heads,
      kvHeads: config.size('num_key_value_heads', heads),
      headLength,
      inputBias: biased,
      outputBias: biased,
    },
    feedForward: {
      width: config.size('intermediate_size'),
      gated: true,
      activation: 'silu',
      bias: config.flag('mlp_bias', false),
    },
  };
}

/** Every fourth layer is without positions, where the config names none. */
function smollm3(config: ConfigFile): Numbers {
  const turned = config.list('no_rope_layers');
  const interval = config.size('no_rope_layer_interval', 4);
  return {
    ...llama(config, { tied: true }),
    // 1 for a layer that has them.
    unturned: (layer) => (turned === null ? (layer + 1) % interval === 0 : turned[layer] === 0),
  };
}

/** Every layer sees the window that the config says. */
export function windowInEveryLayer(config: ConfigFile, numbers: Numbers): Numbers {
  const window = config.optionalSize('sliding_window');
  return { ...numbers, window: () => window };
}

/** Q, K and V have biases, the output has none. */
export function qwen2(config: ConfigFile): Numbers {
  const numbers = llama(config);
  const window = config.flag('use_sliding_window', false) ? config.optionalSize('sliding_window') : null;
  const first = config.number('max_window_layers', numbers.layers);
  return {
    ...numbers,
    attention: { ...numbers.attention, inputBias: true } as DecoderNumbers['attention'],
    window: (layer) => (layer >= first ? window : null),
  };
}

function gemma(config: ConfigFile, normsPerLayer: number): Numbers {
  const numbers = llama(config, { headLength: 256, tied: true });
  return {
    ...numbers,
    normsPerLayer,
    embeddingScaled: true,
    feedForward: { ...numbers.feedForward, activation: 'gelu' },
  };
}

/** Even layers see a window. */
function gemma2(config: ConfigFile): Numbers {
  const window = config.size('sliding_window', 4096);
  return { ...gemma(config, 4), window: (layer) => (layer % 2 === 0 ? window : null) };
}

const GEMMA_3 = {
  num_attention_heads: 8,
  num_key_value_heads: 4,
  vocab_size: 262_208,
  max_position_embeddings: 131_072,
};

/** Five layers with a window, one without; what is left out is as in Gemma3TextConfig. */
function gemma3(config: ConfigFile): Numbers {
  const window = config.optionalSize('sliding_window');
  const period = config.size('sliding_window_pattern', config.optionalSize('_sliding_window_pattern') ?? 6);
  const types = config.list('layer_types');
  const sees = (layer: number) =>
    types === null ? (layer + 1) % period === 0 : types[layer] === 'full_attention';
  return {
    ...gemma(config.withDefaults(GEMMA_3), 4),
    queryKeyNorm: true,
    window: (layer) => (sees(layer) ? null : window),
  };
}

/** Q, K and V are one matrix, gate and up another. */
function phi3(config: ConfigFile): Numbers {
  const numbers = llama(config);
  const { attention, feedForward } = numbers;
  const length = attention.headLength * config.number('partial_rotary_factor', 1);
  return {
    ...windowInEveryLayer(config, numbers),
    positions: { kind: 'rotary', length },
    attention: { ...attention, fused: true } as DecoderNumbers['attention'],
    feedForward: { ...feedForward, fused: true },
  };
}

/** THUDM/chatglm3-6b, modeling_chatglm.py: half of each head is turned. */
function chatglm(config: ConfigFile): Numbers {
  const embedding = config.size('hidden_size');
  const heads = config.size('num_attention_heads');
  const headLength = config.size('kv_channels', embedding / heads);
  const grouped = config.flag('multi_query_attention', false);
  const biased = config.flag('add_bias_linear', false);
  return {
    layers: config.size('num_layers', config.optionalSize('num_hidden_layers')),
    embedding,
    vocabulary: config.size('padded_vocab_size', config.optionalSize('vocab_size')),
    contextLength: config.size('seq_length', 8192),
    tied: config.flag('tie_word_embeddings', false),
    norm: config.flag('rmsnorm', true) ? 'rms' : 'layer',
    normsPerLayer: 2,
    positions: { kind: 'rotary', length: headLength / 2 },
    attention: {
      kind: 'dot-product',
      heads,
      kvHeads: grouped ? config.size('multi_query_group_num') : heads,
      headLength,
      fused: true,
      inputBias: biased || config.flag('add_qkv_bias', false),
      outputBias: biased,
    },
    feedForward: {
      width: config.size('ffn_hidden_size'),
      gated: true,
      activation: 'silu',
      fused: true,
      bias: biased,
    },
  };
}
