import { createHash } from 'node:crypto';
import type { LatentShape, ModelShape } from '../../../core/models/shapes.js';
import type { SyntheticModel } from '../../../core/models/synthetic.js';
import { fileType } from '../../../core/techniques/file-types.js';
import { bytesPerElement } from '../../../core/techniques/tensor-types.js';
import { SYNTHETIC_KEY } from '../../../formats/gguf/format.js';
import { type GgufHeader, parseGgufHeader } from '../../../formats/gguf/header.js';
import type { GgufValue } from '../../../formats/gguf/value.js';
import { type GgufContent, layoutGguf, type TensorSource, writeGguf } from '../../../formats/gguf/writer.js';
import { randomWeights, rowsOfOnes } from './weights.js';

/** Changes whenever the same model would be written with other bytes. */
const GENERATOR = 2;

/** A synthetic model as its file will be, before it is written. */
export interface SyntheticDescription {
  readonly header: GgufHeader;
  /**
   * `header-sha256:<hex>`: the header holds the shape, the type, the seed and the generator's version, from
   * which every weight follows, so it names the content without a byte of the weights.
   */
  readonly digest: string;
}

/** @returns what a file of this model says of itself; nothing is written. */
export function describeSynthetic(model: SyntheticModel): SyntheticDescription {
  const { header, fileBytes } = layoutGguf(contentOf(model));
  const digest = `header-sha256:${createHash('sha256').update(header).digest('hex')}`;
  return { header: parseGgufHeader(header, fileBytes), digest };
}

/**
 * Writes the model: llama.cpp loads it like any other; it has no vocabulary, as the speed of the engine does
 * not depend on one.
 * @returns the bytes of the file. @throws FailureError `disk-full`.
 */
export async function writeSynthetic(path: string, model: SyntheticModel): Promise<number> {
  return await writeGguf(path, contentOf(model));
}

function contentOf(model: SyntheticModel): GgufContent {
  return { metadata: metadataOf(model), tensors: tensorsOf(model) };
}

function metadataOf({ shape, type, seed }: SyntheticModel): ReadonlyMap<string, GgufValue> {
  const { architecture } = shape;
  const keyOf = (key: string) => `${architecture}.${key}`;
  const u32 = (value: number): GgufValue => ({ type: 'u32', value });
  const f32 = (value: number): GgufValue => ({ type: 'f32', value });
  const text = (value: string): GgufValue => ({ type: 'string', value });
  return new Map<string, GgufValue>([
    ['general.architecture', text(architecture)],
    ['general.type', text('model')],
    ['general.name', text(`synthetic ${architecture}, ${shape.layers} layers of ${shape.embedding}`)],
    ['general.file_type', u32(fileType(type)!.number)],
    [SYNTHETIC_KEY, { type: 'bool', value: true }],
    ['ridgepoint.synthetic.seed', u32(seed)],
    ['ridgepoint.synthetic.generator', u32(GENERATOR)],
    [keyOf('block_count'), u32(shape.layers)],
    [keyOf('context_length'), u32(shape.contextLength)],
    [keyOf('embedding_length'), u32(shape.embedding)],
    [keyOf('feed_forward_length'), u32(shape.feedForward)],
    [keyOf('attention.head_count'), u32(shape.heads)],
    ...Object.entries(attentionMetadata(shape)).map(([key, value]) => [keyOf(key), u32(value)] as const),
    [keyOf('attention.layer_norm_rms_epsilon'), f32(shape.rmsEpsilon)],
    [keyOf('rope.dimension_count'), u32(shape.latent?.ropeLength ?? shape.headLength)],
    [keyOf('rope.freq_base'), f32(shape.ropeBase)],
    [keyOf('vocab_size'), u32(shape.vocabulary)],
    // The engine then takes the number of tokens from vocab_size and needs no tokenizer.
    ['tokenizer.ggml.model', text('no_vocab')],
  ]);
}

/** What llama.cpp reads; of a deepseek2 model every layer is dense, and the cache has its latent form. */
function attentionMetadata({
  layers,
  feedForward,
  kvHeads,
  headLength,
  latent,
}: ModelShape): Record<string, number> {
  const plain = { 'attention.key_length': headLength, 'attention.value_length': headLength };
  if (latent === null) return { 'attention.head_count_kv': kvHeads, ...plain };
  const { kvRank, queryRank, ropeLength } = latent;
  return {
    'attention.head_count_kv': 1,
    'attention.key_length': kvRank + ropeLength,
    'attention.value_length': kvRank,
    'attention.key_length_mla': headLength + ropeLength,
    'attention.value_length_mla': headLength,
    'attention.q_lora_rank': queryRank,
    'attention.kv_lora_rank': kvRank,
    leading_dense_block_count: layers,
    expert_feed_forward_length: feedForward,
    expert_shared_count: 0,
  };
}

/** Names and order as llama.cpp's converters write them (gguf-py, constants.py); rows are the inputs. */
function tensorsOf({ shape, type, seed }: SyntheticModel): TensorSource[] {
  const { embedding, feedForward, headLength, vocabulary } = shape;
  const queries = shape.heads * headLength;
  const keys = shape.kvHeads * headLength;
  /** Rows are the inputs. */
  const tensor = (name: string, ...dimensions: number[]): TensorSource => {
    const bytes = dimensions.reduce((a, b) => a * b) * bytesPerElement(type);
    return {
      name: `${name}.weight`,
      type,
      shape: dimensions,
      data: () => randomWeights(type, bytes, seed, name),
    };
  };
  const matrix = (name: string, inputs: number, outputs: number) => tensor(name, inputs, outputs);
  const vector = (name: string, length: number, data: () => Iterable<Uint8Array>): TensorSource => {
    return { name, type: 'f32', shape: [length], data };
  };
  const norm = (name: string) => vector(`${name}.weight`, embedding, () => rowsOfOnes(embedding * 4));
  const projection = (name: string, outputs: number): TensorSource[] => {
    const bias = `${name}.bias`;
    const weight = matrix(name, embedding, outputs);
    if (shape.architecture !== 'qwen2') return [weight];
    return [weight, vector(bias, outputs, () => randomWeights('f32', outputs * 4, seed, bias))];
  };
  const attention = (at: string): TensorSource[] => [
    ...projection(`${at}.attn_q`, queries),
    ...projection(`${at}.attn_k`, keys),
    ...projection(`${at}.attn_v`, keys),
  ];
  /** Names and shapes of llama.cpp's absorbed form, src/models/deepseek2.cpp. */
  const latentAttention = (at: string, { kvRank, queryRank, ropeLength }: LatentShape): TensorSource[] => [
    matrix(`${at}.attn_q_a`, embedding, queryRank),
    vector(`${at}.attn_q_a_norm.weight`, queryRank, () => rowsOfOnes(queryRank * 4)),
    matrix(`${at}.attn_q_b`, queryRank, shape.heads * (headLength + ropeLength)),
    matrix(`${at}.attn_kv_a_mqa`, embedding, kvRank + ropeLength),
    vector(`${at}.attn_kv_a_norm.weight`, kvRank, () => rowsOfOnes(kvRank * 4)),
    tensor(`${at}.attn_k_b`, headLength, kvRank, shape.heads),
    tensor(`${at}.attn_v_b`, kvRank, headLength, shape.heads),
  ];
  const layer = (index: number): TensorSource[] => {
    const at = `blk.${index}`;
    return [
      norm(`${at}.attn_norm`),
      ...(shape.latent === null ? attention(at) : latentAttention(at, shape.latent)),
      matrix(`${at}.attn_output`, queries, embedding),
      norm(`${at}.ffn_norm`),
      matrix(`${at}.ffn_gate`, embedding, feedForward),
      matrix(`${at}.ffn_up`, embedding, feedForward),
      matrix(`${at}.ffn_down`, feedForward, embedding),
    ];
  };
  return [
    ...(shape.tied ? [] : [matrix('output', embedding, vocabulary)]),
    matrix('token_embd', embedding, vocabulary),
    norm('output_norm'),
    ...(shape.ropeFactors
      ? [vector('rope_freqs.weight', headLength / 2, () => rowsOfOnes(headLength * 2))]
      : []),
    ...Array.from({ length: shape.layers }, (_, index) => layer(index)).flat(),
  ];
}
