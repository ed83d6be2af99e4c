import { fileType } from '../../../core/techniques/file-types.js';
import type { GgufValue } from '../../../formats/gguf/value.js';
import { type Entries, f32, type NamedArchitecture, text, u32 } from './architecture.js';
import { type FolderConfig, ropeOf } from './config.js';

/** `general.quantization_version` (ggml.h, GGML_QNT_VERSION). */
const QUANTIZATION_VERSION = 2;
/** Sampling that a publisher recommends: transformers' names in generation_config.json, and those of GGUF. */
const SAMPLING = {
  top_k: ['top_k', 'i32'],
  top_p: ['top_p', 'f32'],
  min_p: ['min_p', 'f32'],
  temperature: ['temp', 'f32'],
  repetition_penalty: ['penalty_repeat', 'f32'],
} as const;

/** What is said of any model, in front of what is said of its architecture. */
export interface General {
  readonly name: string;
  /** `general.file_type`, by its name. */
  readonly type: string;
  /** generation_config.json; null = there is none. */
  readonly generation: FolderConfig | null;
}

/** @returns the metadata of a file beside its tokenizer. */
export function metadataOf(
  architecture: NamedArchitecture,
  config: FolderConfig,
  { name, type, generation }: General,
): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', text(architecture.gguf)],
    ['general.type', text('model')],
    ['general.name', text(name)],
    ['general.file_type', u32(fileType(type)!.number)],
    ['general.quantization_version', u32(QUANTIZATION_VERSION)],
  ]);
  for (const [said, [key, kind]] of Object.entries(SAMPLING)) {
    if (generation?.has(said) === true)
      metadata.set(`general.sampling.${key}`, { type: kind, value: generation.number(said) });
  }
  const entries: Entries = { ...commonEntries(config), ...architecture.entries(config) };
  for (const [key, value] of Object.entries(entries))
    if (value !== null)
      metadata.set(key.startsWith('tokenizer.') ? key : `${architecture.gguf}.${key}`, value);
  return metadata;
}

/** What most architectures say; what the config leaves out is left out. */
function commonEntries(config: FolderConfig): Entries {
  const count = (name: string) => (config.has(name) ? u32(config.count(name)) : null);
  const number = (name: string) => (config.has(name) ? f32(config.number(name)) : null);
  const first = (...names: string[]) => names.find((name) => config.has(name)) ?? names[0]!;
  return {
    block_count: u32(config.size('num_hidden_layers')),
    context_length: count('max_position_embeddings'),
    embedding_length: count('hidden_size'),
    feed_forward_length: count('intermediate_size'),
    'attention.head_count': count('num_attention_heads'),
    'attention.head_count_kv': count('num_key_value_heads'),
    'attention.key_length': count('head_dim'),
    'attention.value_length': count('head_dim'),
    'attention.layer_norm_rms_epsilon': number('rms_norm_eps'),
    'attention.layer_norm_epsilon': number('layer_norm_eps'),
    ...ropeEntries(config),
    expert_count: count(first('num_local_experts', 'num_experts', 'n_routed_experts')),
    expert_used_count: count('num_experts_per_tok'),
    expert_group_count: count('n_group'),
    expert_group_used_count: count('topk_group'),
    expert_gating_func: gatingOf(config),
  };
}

/** llama-hparams.h, enum llama_expert_gating_func_type. */
const GATINGS: Readonly<Record<string, number>> = { softmax: 1, sigmoid: 2 };

function gatingOf(config: FolderConfig): GgufValue | null {
  const number = GATINGS[config.text('scoring_func') ?? ''];
  return number === undefined ? null : u32(number);
}

function ropeEntries(config: FolderConfig): Entries {
  const { base, windowBase, kind, values } = ropeOf(config);
  const number = (name: string) => (values.has(name) ? f32(values.number(name)) : null);
  const bases: Entries = {
    'rope.freq_base': base === null ? null : f32(base),
    'rope.freq_base_swa': windowBase === null ? null : f32(windowBase),
  };
  const scaling = (type: string): Entries => ({ 'rope.scaling.type': text(type) });
  if (kind === 'linear' && values.has('factor'))
    return { ...bases, ...scaling('linear'), 'rope.scaling.factor': number('factor') };
  if (kind === 'longrope' || kind === 'su') return { ...bases, ...scaling('longrope') };
  if (kind !== 'yarn' || !values.has('factor')) return bases;
  const original = 'original_max_position_embeddings';
  const trained = values.has(original) ? values.size(original) : config.size('max_position_embeddings');
  return {
    ...bases,
    ...scaling('yarn'),
    'rope.scaling.factor': number('factor'),
    'rope.scaling.original_context_length': u32(trained),
    'rope.scaling.yarn_ext_factor': number('extrapolation_factor'),
    'rope.scaling.yarn_attn_factor': number('attention_factor') ?? number('attn_factor'),
    'rope.scaling.yarn_beta_fast': number('beta_fast'),
    'rope.scaling.yarn_beta_slow': number('beta_slow'),
  };
}
