import type { DecoderNumbers } from './assemble.js';
import type { FamilyReader } from './config.js';
import type { ConfigFile } from './config-file.js';
import { windowInEveryLayer } from './config-llama.js';
import { Unreadable } from './reading.js';

/**
 * Models with LayerNorm and a feed-forward without a gate. transformers,
 * src/transformers/models/<model_type>.
 */
export const GPT_FAMILIES: readonly (readonly [string, FamilyReader])[] = [
  ['gpt2', gpt2],
  ['gptj', gptj],
  ['gpt_neox', gptNeox],
  ['opt', opt],
  ['phi', phi],
  ['falcon', falcon],
  ['starcoder2', starcoder2],
  ['bert', bert],
];

type Numbers = Omit<DecoderNumbers, 'family'>;

/** What a config calls otherwise than most do, or leaves out. */
interface Plain {
  readonly embedding?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly layers?: number;
  readonly width?: number;
  readonly contextLength?: number;
  /** Where the config does not say. */
  readonly tied: boolean;
  readonly biased: boolean;
  readonly fused?: boolean;
  readonly activation?: 'gelu' | 'relu';
  /** Elements that are turned of a head of so many; left out where positions are learned. */
  readonly turned?: (headLength: number) => number;
  /** Rows of the table of positions beyond the context. */
  readonly morePositions?: number;
  readonly normsPerLayer?: number;
}

function plain(config: ConfigFile, given: Plain): Numbers {
  const embedding = given.embedding ?? config.size('hidden_size');
  const heads = given.heads ?? config.size('num_attention_heads');
  const contextLength = given.contextLength ?? config.size('max_position_embeddings');
  const { kvHeads = heads, biased, turned } = given;
  const headLength = embedding / heads;
  return {
    layers: given.layers ?? config.size('num_hidden_layers'),
    embedding,
    vocabulary: config.size('vocab_size'),
    contextLength,
    tied: config.flag('tie_word_embeddings', given.tied),
    norm: 'layer',
    normsPerLayer: given.normsPerLayer ?? 2,
    positions:
      turned === undefined
        ? { kind: 'learned', rows: contextLength + (given.morePositions ?? 0) }
        : { kind: 'rotary', length: turned(headLength) },
    attention: {
      kind: 'dot-product',
      heads,
      kvHeads,
      headLength,
      fused: given.fused === true,
      inputBias: biased,
      outputBias: biased,
    },
    feedForward: {
      width: given.width ?? config.size('intermediate_size'),
      gated: false,
      activation: given.activation ?? 'gelu',
      bias: biased,
    },
  };
}

function gpt2(config: ConfigFile): Numbers {
  const embedding = config.size('n_embd');
  return plain(config, {
    embedding,
    heads: config.size('n_head'),
    layers: config.size('n_layer'),
    width: config.size('n_inner', 4 * embedding),
    contextLength: config.size('n_positions', config.optionalSize('n_ctx')),
    tied: true,
    biased: true,
    fused: true,
  });
}

/** Attention and feed-forward read the same norm; the output matrix has a bias, the attention has none. */
function gptj(config: ConfigFile): Numbers {
  const embedding = config.size('n_embd');
  const numbers = plain(config, {
    embedding,
    heads: config.size('n_head', config.optionalSize('num_attention_heads')),
    layers: config.size('n_layer', config.optionalSize('num_hidden_layers')),
    width: config.size('n_inner', 4 * embedding),
    contextLength: config.size('n_positions', 2048),
    tied: false,
    biased: false,
    turned: () => config.size('rotary_dim', 64),
    normsPerLayer: 1,
  });
  return { ...numbers, outputBias: true, feedForward: { ...numbers.feedForward, bias: true } };
}

function gptNeox(config: ConfigFile): Numbers {
  return plain(config, {
    tied: false,
    biased: config.flag('attention_bias', true),
    fused: true,
    turned: (headLength) => Math.floor(headLength * config.number('rotary_pct', 0.25)),
  });
}

/** No gate. The table of positions has two rows more than the context. */
function opt(config: ConfigFile): Numbers {
  const embedding = config.size('hidden_size');
  const projected = config.size('word_embed_proj_dim', embedding);
  if (projected !== embedding)
    throw new Unreadable(
      `the config embeds in ${projected} elements and computes in ${embedding}, which opt-350m alone does and is not counted`,
    );
  return plain(config, {
    width: config.size('ffn_dim'),
    tied: true,
    biased: config.flag('enable_bias', true),
    activation: 'relu',
    morePositions: 2,
  });
}

/** Phi-1 to Phi-2: attention and feed-forward read the same norm. */
function phi(config: ConfigFile): Numbers {
  const numbers = plain(config, {
    kvHeads: config.size('num_key_value_heads', config.size('num_attention_heads')),
    tied: false,
    biased: true,
    turned: (headLength) => Math.floor(headLength * config.number('partial_rotary_factor', 0.5)),
    normsPerLayer: 1,
  });
  return { ...numbers, outputBias: true };
}

function falcon(config: ConfigFile): Numbers {
  const embedding = config.size('hidden_size');
  const heads = config.size('num_attention_heads', config.optionalSize('n_head'));
  const grouped = config.flag('new_decoder_architecture', false);
  const single = config.flag('multi_query', true) ? 1 : heads;
  const parallelAttention = config.flag('parallel_attn', true);
  const numbers = plain(config, {
    heads,
    kvHeads: grouped ? config.size('num_kv_heads', config.optionalSize('n_head_kv') ?? heads) : single,
    layers: config.size('num_hidden_layers', config.optionalSize('n_layer')),
    width: config.size('ffn_hidden_size', 4 * embedding),
    contextLength: config.size('max_position_embeddings', 2048),
    tied: true,
    biased: config.flag('bias', false),
    fused: true,
    turned: (headLength) => headLength,
    normsPerLayer: grouped || !parallelAttention ? 2 : 1,
  });
  return config.flag('alibi', false) ? { ...numbers, positions: { kind: 'alibi' } } : numbers;
}

function starcoder2(config: ConfigFile): Numbers {
  const numbers = plain(config, {
    kvHeads: config.size('num_key_value_heads', config.size('num_attention_heads')),
    tied: true,
    biased: config.flag('use_bias', true),
    turned: (headLength) => headLength,
  });
  return windowInEveryLayer(config, numbers);
}

/**
 * An encoder: norms behind both halves of a layer, and one behind the embeddings; what pools and guesses is
 * left out.
 */
function bert(config: ConfigFile): Numbers {
  const numbers = plain(config, {
    contextLength: config.size('max_position_embeddings', 512),
    tied: true,
    biased: true,
  });
  return { ...numbers, tied: true, normsBehind: true, tokenTypes: config.size('type_vocab_size', 2) };
}
