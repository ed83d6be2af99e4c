import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeFloats, type FloatType } from '../../core/techniques/float-types.js';
import { writeSafetensors } from '../../formats/safetensors/writer.js';
import { temporaryFolder } from './folder.js';

/** A model as it is published for transformers, of random weights. */
export interface FolderModel {
  readonly config: Readonly<Record<string, unknown>>;
  /** Shapes by names, outermost dimension first. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

/** Weights after which a large tensor begins anew. */
const PERIOD = 2 ** 18;

/** Numbers from −1 to 1 that follow from a name, and that each float type holds exactly. */
export function weightsNamed(name: string, shape: readonly number[]): Float32Array {
  let state = [...name].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) >>> 0, 7);
  const count = shape.reduce((product, length) => product * length, 1);
  const values = new Float32Array(count);
  for (let i = 0; i < Math.min(count, PERIOD); i++) {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    values[i] = ((state >>> 24) - 128) / 128;
  }
  for (let done = PERIOD; done < count; done *= 2) values.copyWithin(done, 0, Math.min(done, count - done));
  return values;
}

/**
 * Writes a folder: config, a vocabulary of words and weights, in one file or, with `parts`, in so many with
 * their index.
 * @returns its path.
 */
export async function writeFolder(
  { config, tensors }: FolderModel,
  { type = 'f32', parts = 1, at = temporaryFolder() }: { type?: FloatType; parts?: number; at?: string } = {},
): Promise<string> {
  writeFileSync(join(at, 'config.json'), JSON.stringify(config));
  writeTokenizer(at, Number(config.vocab_size));
  const all = Object.entries(tensors).map(([name, shape]) => ({
    name,
    dtype: type.toUpperCase(),
    shape,
    data: () => [encodeFloats(weightsNamed(name, shape), type)],
  }));
  const metadata = new Map([['format', 'pt']]);
  if (parts === 1) {
    await writeSafetensors(join(at, 'model.safetensors'), { metadata, tensors: all });
    return at;
  }
  const digits = (value: number) => String(value).padStart(5, '0');
  const weightMap: Record<string, string> = {};
  for (let part = 0; part < parts; part++) {
    const own = all.filter((_, i) => i % parts === part);
    const name = `model-${digits(part + 1)}-of-${digits(parts)}.safetensors`;
    await writeSafetensors(join(at, name), { metadata, tensors: own });
    for (const tensor of own) weightMap[tensor.name] = name;
  }
  writeFileSync(join(at, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
  return at;
}

/** Byte-level BPE without merges, as GPT-2 cuts text. */
function writeTokenizer(at: string, size: number): void {
  const vocab = Object.fromEntries(Array.from({ length: size }, (_, id) => [`t${id}`, id]));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  writeFileSync(
    join(at, 'tokenizer.json'),
    JSON.stringify({
      version: '1.0',
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: null,
      decoder: byteLevel,
      model: { type: 'BPE', vocab, merges: [] },
    }),
  );
  writeFileSync(join(at, 'tokenizer_config.json'), JSON.stringify({ tokenizer_class: 'GPT2Tokenizer' }));
}

const LAYERS = 2;

/** Two layers of 16 elements, 4 heads of 4, 2 of keys and values. */
export function tinyLlama(config: Readonly<Record<string, unknown>> = {}): FolderModel {
  const [n, heads, keys, hidden, vocabulary] = [16, 4, 2, 24, 32];
  return {
    config: {
      architectures: ['LlamaForCausalLM'],
      model_type: 'llama',
      vocab_size: vocabulary,
      hidden_size: n,
      intermediate_size: hidden,
      num_hidden_layers: LAYERS,
      num_attention_heads: heads,
      num_key_value_heads: keys,
      max_position_embeddings: 64,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      ...config,
    },
    tensors: {
      'model.embed_tokens.weight': [vocabulary, n],
      ...inLayers({
        'input_layernorm.weight': [n],
        'self_attn.q_proj.weight': [n, n],
        'self_attn.k_proj.weight': [(keys * n) / heads, n],
        'self_attn.v_proj.weight': [(keys * n) / heads, n],
        'self_attn.o_proj.weight': [n, n],
        'post_attention_layernorm.weight': [n],
        'mlp.gate_proj.weight': [hidden, n],
        'mlp.up_proj.weight': [hidden, n],
        'mlp.down_proj.weight': [n, hidden],
      }),
      'model.norm.weight': [n],
      'lm_head.weight': [vocabulary, n],
    },
  };
}

/** @returns the tensors of one layer in all layers. */
export function inLayers(
  tensors: Readonly<Record<string, readonly number[]>>,
  layers = LAYERS,
): Record<string, readonly number[]> {
  return Object.fromEntries(
    Array.from({ length: layers }, (_, layer) =>
      Object.entries(tensors).map(([name, shape]) => [`model.layers.${layer}.${name}`, shape] as const),
    ).flat(),
  );
}
