import { FormatError } from '../../../../formats/format.js';
import { type Architecture, COMMON, f32, u32 } from '../architecture.js';
import { type FolderConfig, headLength, keyValueHeads, ropeOf } from '../config.js';
import { numbers } from '../weights.js';
import { headDefaults } from './llama.js';

/** Queries, keys and values are one matrix, and so are gate and up. Phi-4 is of it, too. */
export const phi3: Architecture = {
  classes: ['Phi3ForCausalLM'],
  defaults: (config) => ({
    ...headDefaults(config),
    rms_norm_eps: 1e-5,
    max_position_embeddings: 4096,
    original_max_position_embeddings: 4096,
    partial_rotary_factor: 1,
  }),
  places: {
    ...COMMON,
    'model.layers.*.self_attn.qkv_proj': 'blk.*.attn_qkv',
    'model.layers.*.mlp.gate_up_proj': 'blk.*.ffn_up',
  },
  shapes(config) {
    const n = config.size('hidden_size');
    const rows = (config.size('num_attention_heads') + 2 * keyValueHeads(config)) * headLength(config);
    return { 'attn_qkv.weight': [rows, n], 'ffn_up.weight': [2 * config.size('intermediate_size'), n] };
  },
  entries: (config) => ({
    'rope.scaling.type': null,
    'rope.scaling.original_context_length': u32(trainedLength(config)),
    'rope.scaling.attn_factor': factorsOf(config) === null ? null : f32(attentionFactor(config)),
    'rope.dimension_count': u32(ropeDimensions(config)),
    // 0 tells Phi-4 from the others.
    'attention.sliding_window': u32(config.has('sliding_window') ? config.count('sliding_window') : 0),
  }),
  values(keys) {
    const window = keys.number('attention.sliding_window');
    const heads = keys.number('attention.head_count') ?? 1;
    const share =
      ((keys.number('rope.dimension_count') ?? 0) * heads) / (keys.number('embedding_length') ?? 1);
    const [long, short] = [keys.values('rope_factors_long.weight'), keys.values('rope_factors_short.weight')];
    return {
      original_max_position_embeddings: keys.number('rope.scaling.original_context_length'),
      partial_rotary_factor: share,
      sliding_window: window === 0 ? null : window,
      rope_scaling:
        long === null || short === null ? null : { type: 'longrope', long_factor: long, short_factor: short },
    };
  },
  added(config) {
    const factors = factorsOf(config);
    if (factors === null) return {};
    const { long, short } = factors;
    return { 'rope_factors_long.weight': numbers(long), 'rope_factors_short.weight': numbers(short) };
  },
};

function trainedLength(config: FolderConfig): number {
  const { values } = ropeOf(config);
  const name = 'original_max_position_embeddings';
  return (values.has(name) ? values : config).size(name);
}

/** Elements of a head that carry the position. */
function ropeDimensions(config: FolderConfig): number {
  const { values } = ropeOf(config);
  const name = 'partial_rotary_factor';
  const share = (values.has(name) ? values : config).number(name);
  return Math.floor(Math.floor(share * config.size('hidden_size')) / config.size('num_attention_heads'));
}

/**
 * One factor for each pair of elements, of prompts that fit the trained length and of longer ones; null =
 * there are none.
 */
function factorsOf(config: FolderConfig) {
  const { values } = ropeOf(config);
  const [long, short] = [values.list('long_factor'), values.list('short_factor')];
  if (long === null && short === null) return null;
  const wanted = ropeDimensions(config) / 2;
  if (long?.length === wanted && short?.length === wanted) return { long, short };
  throw new FormatError(
    `its config has ${long?.length ?? 0} long and ${short?.length ?? 0} short factors of positions, and should have ${wanted} each`,
  );
}

/** LongRoPE (arXiv 2402.13753, section 3.3): softmax is sharpened as the context grows. */
function attentionFactor(config: FolderConfig): number {
  const trained = trainedLength(config);
  const scale = config.size('max_position_embeddings') / trained;
  return scale > 1 ? Math.sqrt(1 + Math.log(scale) / Math.log(trained)) : 1;
}
