import { decodeFloats, type FloatType } from '../../../core/techniques/float-types.js';
import { FormatError } from '../../../formats/format.js';
import type { Architecture, NamedArchitecture } from '../safetensors-to-gguf/architecture.js';
import { ARCHITECTURES } from '../safetensors-to-gguf/architectures/index.js';
import { FolderConfig, type Values } from '../safetensors-to-gguf/config.js';
import { metadataOf } from '../safetensors-to-gguf/metadata.js';
import { bytesOf, type Weights } from '../safetensors-to-gguf/weights.js';
import type { OpenedFile } from './file.js';
import { COMPUTED, covers } from './plan.js';

/** The config of a folder, and what the file says that it does not. */
export interface PublishedConfig {
  readonly architecture: Architecture;
  readonly values: Values;
  readonly warnings: readonly string[];
}

export interface Wanted {
  /** Of the weights that are written. */
  readonly type: FloatType;
  /** Ids of the tokens that steer. */
  readonly roles: ReadonlyMap<string, number>;
  /** The config of the model that the file was made of; null = it is not at hand. */
  readonly base: Values | null;
}

/** What a technique may change, so what the file says of it counts. */
const CHANGED: readonly string[] = [
  'hidden_size',
  'intermediate_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'vocab_size',
  'tie_word_embeddings',
  'dtype',
];

/** What makes a model of text and images of one of text, which is what a file holds. */
const WHOLE: readonly string[] = ['model_type', 'architectures', 'text_config', 'vision_config'];

/**
 * What the config of the base says, without what techniques change and how its own weights were packed; of a
 * model with an encoder of images, of its text.
 */
function kept(base: Values | null): Values {
  if (base === null) return {};
  const { text_config: text } = base;
  const isWhole = typeof text === 'object' && text !== null;
  const said: Values = isWhole ? { ...base, ...text } : base;
  const left = [...CHANGED, 'torch_dtype', 'quantization_config', ...(isWhole ? WHOLE : [])];
  const all = Object.entries(said).filter(([key]) => !left.includes(key));
  // A rule of positions is said in one of two ways, whole.
  const other = 'rope_parameters' in said ? { rope_theta: undefined, rope_scaling: undefined } : {};
  return { ...other, ...Object.fromEntries(all) };
}

/** @returns the architecture that a file is written back as; null = there is none. */
function architectureOf(file: OpenedFile): readonly [string, NamedArchitecture] | null {
  const found = Object.entries(ARCHITECTURES).find(
    ([, one]) => one.gguf === file.architecture && one.values !== undefined && covers(one, file),
  );
  return found ?? null;
}

/**
 * Says in transformers' words what the keys of a file say. What comes of it is held against the file once
 * more, by the code that makes keys of configs.
 * @returns null for an architecture that folders are not made of.
 */
export async function publishedConfig(
  file: OpenedFile,
  { type, roles, base }: Wanted,
): Promise<PublishedConfig | null> {
  const found = architectureOf(file);
  if (found === null) return null;
  const [name, architecture] = found;
  const { keys } = file;
  const values: Values = {
    architectures: architecture.classes.slice(0, 1),
    model_type: name,
    hidden_size: keys.number('embedding_length'),
    intermediate_size: keys.number('feed_forward_length'),
    num_hidden_layers: keys.number('block_count'),
    num_attention_heads: keys.number('attention.head_count'),
    num_key_value_heads: keys.number('attention.head_count_kv'),
    head_dim: keys.number('attention.key_length') ?? headLength(file),
    vocab_size: keys.rows('token_embd.weight'),
    max_position_embeddings: keys.number('context_length'),
    rms_norm_eps: keys.number('attention.layer_norm_rms_epsilon'),
    num_experts_per_tok: keys.number('expert_used_count'),
    rope_theta: keys.number('rope.freq_base'),
    ...scaling(file, architecture),
    tie_word_embeddings: !keys.has('output.weight'),
    ...Object.fromEntries(['bos', 'eos', 'pad'].map((role) => [`${role}_token_id`, roles.get(role)])),
    dtype: DTYPES[type],
    use_cache: true,
    ...(file.header.tensors.some((tensor) => tensor.type === 'mxfp4') ? BLOCKS : {}),
  };
  const said = {
    ...Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)),
    ...architecture.values?.(keys),
  };
  const config = { ...said, ...kept(base) };
  const read = new FolderConfig(config);
  const whole = read.withDefaults(architecture.defaults(read));
  await requireFrequencies(file, architecture, whole);
  return { architecture, values: config, warnings: differences(file, architecture, whole, type) };
}

/** As GPT-OSS is published. */
const BLOCKS: Values = {
  quantization_config: {
    quant_method: 'mxfp4',
    modules_to_not_convert: [
      'model.layers.*.self_attn',
      'model.layers.*.mlp.router',
      'model.embed_tokens',
      'lm_head',
    ],
  },
};

const DTYPES: Readonly<Record<FloatType, string>> = { f32: 'float32', f16: 'float16', bf16: 'bfloat16' };

/** Heads share the rows of Q. */
function headLength({ keys }: OpenedFile): number | null {
  const [rows, heads] = [keys.rows('blk.0.attn_q.weight'), keys.number('attention.head_count')];
  return rows === null || heads === null ? null : rows / heads;
}

function scaling({ keys }: OpenedFile, { yarn }: Architecture): Values {
  const kind = keys.text('rope.scaling.type');
  const factor = keys.number('rope.scaling.factor');
  if (factor === null || (kind !== 'linear' && kind !== 'yarn')) return {};
  if (kind === 'linear') return { rope_scaling: { rope_type: 'linear', factor } };
  const names = {
    original_max_position_embeddings: 'original_context_length',
    extrapolation_factor: 'yarn_ext_factor',
    attention_factor: 'yarn_attn_factor',
    beta_fast: 'yarn_beta_fast',
    beta_slow: 'yarn_beta_slow',
  };
  // DeepSeek's: the softmax is sharpened by the same as positions.
  const sharpened = keys.number('rope.scaling.yarn_log_multiplier');
  const mscale = sharpened === null ? null : Number((10 * sharpened).toPrecision(7));
  const said = Object.entries(names).map(([name, key]) => [name, keys.number(`rope.scaling.${key}`)]);
  return {
    rope_scaling: {
      rope_type: 'yarn',
      factor,
      ...Object.fromEntries(said.filter(([, value]) => value !== null)),
      ...(mscale === null ? {} : { mscale, mscale_all_dim: mscale }),
      ...yarn,
    },
  };
}

/** Keys that another file would have if it was made of the config. */
function differences(
  file: OpenedFile,
  architecture: NamedArchitecture,
  config: FolderConfig,
  type: FloatType,
) {
  const made = metadataOf(architecture, config, { name: '', type, generation: null });
  const front = `${architecture.gguf}.`;
  return [...file.header.metadata].flatMap(([key, has]): string[] => {
    if (!key.startsWith(front)) return [];
    const value = made.get(key);
    const again = value === undefined || !('value' in value) ? null : value.value;
    const near =
      typeof has === 'number' && typeof again === 'number' && Math.fround(again) === Math.fround(has);
    const same = again === has || near;
    if (same || has === null || typeof has === 'object') return [];
    const said = again === null ? 'nothing' : String(again);
    return [`its key ${key} is ${has}, of which the config says ${said}`];
  });
}

/**
 * @throws FormatError for frequencies that do not follow from the config: the model would attend elsewhere.
 */
async function requireFrequencies(file: OpenedFile, { added: addedOf }: Architecture, config: FolderConfig) {
  const added = addedOf?.(config) ?? {};
  for (const { name } of file.header.tensors) {
    if (!COMPUTED.test(name)) continue;
    const [has, weights] = [file.keys.values(name), added[name]];
    const made = weights === undefined ? [] : await valuesOf(weights);
    if (has?.length === made.length && has.every((value, i) => isNear(value, made[i]!))) continue;
    const hint = 'Name the folder of the model that it was made of with --base: its config has the rule.';
    throw new FormatError(`its tensor ${name} does not follow from what it says of positions`, hint);
  }
}

/** Factors were computed in float32, in one order or another. */
const isNear = (a: number, b: number) => Math.abs(a - b) <= 1e-5 * Math.abs(b);

async function valuesOf(weights: Weights): Promise<number[]> {
  const values: number[] = [];
  for await (const chunk of bytesOf(weights, 'f32')) values.push(...decodeFloats(chunk, 'f32'));
  return values;
}
