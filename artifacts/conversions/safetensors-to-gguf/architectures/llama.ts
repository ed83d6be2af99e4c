import { type Architecture, DECODER, type Keys, PAIRED, u32 } from '../architecture.js';
import { FolderConfig, headLength, ropeOf, type Values } from '../config.js';
import { numbers, type Weights } from '../weights.js';

/** Llama and what is written as it: Mistral has the same graph. */
export const llama: Architecture = {
  classes: ['LlamaForCausalLM', 'LLaMAForCausalLM', 'MistralForCausalLM'],
  defaults: (config) => ({ ...headDefaults(config), head_dim: headLength(config) }),
  places: { ...DECODER, ...PAIRED },
  entries: llamaEntries,
  values: llamaValues,
  added: ropeFactors,
  caveats: windowCaveats,
};

/** Of all heads as many keys, and the base that transformers takes where a config says none. */
export function headDefaults(config: FolderConfig): Values {
  return { num_key_value_heads: config.count('num_attention_heads'), rms_norm_eps: 1e-6, rope_theta: 10_000 };
}

export function llamaEntries(config: FolderConfig) {
  return { vocab_size: u32(config.size('vocab_size')), 'rope.dimension_count': u32(headLength(config)) };
}

/** Biases are in the file, or not. */
export function llamaValues(keys: Keys): Values {
  return {
    attention_bias: keys.has('blk.0.attn_q.bias'),
    mlp_bias: keys.has('blk.0.ffn_up.bias'),
    ...frequencies(keys),
  };
}

/**
 * Llama 3.1 and later divide frequencies by rules that leave their factors alone in the file. The rule is
 * looked for among those that published models have: waves as long as the trained length, a power of two, are
 * stretched by the factor, and those of a quarter of it not.
 */
function frequencies(keys: Keys): Values {
  const factors = keys.values('rope_freqs.weight');
  if (factors === null) return {};
  const rules = Array.from({ length: 15 }, (_, i) => ({
    rope_type: 'llama3',
    factor: Math.max(...factors),
    low_freq_factor: 1,
    high_freq_factor: 4,
    // Of Llama 3.1 and 3.2 first.
    original_max_position_embeddings: i === 0 ? 8192 : 2 ** (i + 3),
  }));
  const leadsTo = (rope: Values) => {
    const rope_theta = keys.number('rope.freq_base');
    const said = new FolderConfig({ head_dim: 2 * factors.length, rope_theta, rope_scaling: rope });
    return llama3Factors(said)?.every((factor, i) => Math.abs(factor / factors[i]! - 1) < 1e-5);
  };
  return { rope_scaling: rules.find(leadsTo) ?? null };
}

/** A window over the tokens before that the graph does not have. */
export function windowCaveats(config: FolderConfig): readonly string[] {
  const off = config.has('use_sliding_window') && !config.flag('use_sliding_window');
  if (off || !config.has('sliding_window')) return [];
  const window = config.count('sliding_window');
  if (config.has('max_position_embeddings') && window >= config.count('max_position_embeddings')) return [];
  return [
    `its layers look back on ${window} tokens, and in llama.cpp’s graph on all: beyond so many its answers differ`,
  ];
}

/**
 * What each frequency of Llama 3.1 and later is divided by (transformers, modeling_rope_utils.py): long waves
 * by the factor, short ones by 1, and those between smoothly.
 */
export function ropeFactors(config: FolderConfig): Readonly<Record<string, Weights>> {
  const factors = llama3Factors(config);
  return factors === null ? {} : { 'rope_freqs.weight': numbers(factors) };
}

/** @returns null for a rule of another kind. */
function llama3Factors(config: FolderConfig): readonly number[] | null {
  const { base, kind, values } = ropeOf(config);
  if (kind !== 'llama3') return null;
  const said = values.withDefaults({
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 8192,
  });
  const factor = said.number('factor');
  const low = said.number('low_freq_factor');
  const high = said.number('high_freq_factor');
  const length = said.number('original_max_position_embeddings');
  const dimensions = headLength(config);
  return Array.from({ length: dimensions / 2 }, (_, i) => {
    // In float32 at every step, as torch computes it.
    const { fround } = Math;
    const frequency = fround(1 / fround((base ?? 10_000) ** fround((2 * i) / dimensions)));
    const wave = fround(fround(2 * Math.PI) / frequency);
    if (wave < length / high) return 1;
    if (wave > length / low) return factor;
    const smooth = fround(fround(fround(length / wave) - low) / fround(high - low));
    return 1 / fround(fround(fround(1 - smooth) / factor) + smooth);
  });
}
