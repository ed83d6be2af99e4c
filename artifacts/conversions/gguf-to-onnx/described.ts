import { type FailureError, failed } from '../../../core/errors.js';
import type { GraphArchitecture } from '../../../core/models/conversions.js';
import { shown } from '../../../formats/format.js';
import type { FileTensor, GgufFile } from '../../../formats/gguf/header.js';
import { readMatrix } from '../../../formats/tensor-matrix.js';
import type { Rotary } from './rotary.js';

/** What the graph of an architecture has that others do not. */
interface Family {
  /**
   * Pairs that positions turn are neighbours; else they are half a head apart. llama.cpp,
   * llama_model_rope_type.
   */
  readonly neighbours: boolean;
  readonly activation: 'silu' | 'gelu';
  /** The embedding is multiplied by the root of its length. */
  readonly scaledEmbedding?: true;
  /** Every so manieth layer knows no positions. */
  readonly withoutPositions?: number;
}

const FAMILIES: Readonly<Record<GraphArchitecture, Family>> = {
  llama: { neighbours: true, activation: 'silu' },
  smollm3: { neighbours: true, activation: 'silu', withoutPositions: 4 },
  qwen2: { neighbours: false, activation: 'silu' },
  qwen3: { neighbours: false, activation: 'silu' },
  gemma: { neighbours: false, activation: 'gelu', scaledEmbedding: true },
};

/** A decoder as its GGUF file describes it. */
export interface Described {
  readonly architecture: GraphArchitecture;
  readonly family: Family;
  readonly layers: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headLength: number;
  readonly vocabulary: number;
  readonly contextLength: number;
  readonly rmsEpsilon: number;
  readonly rotary: Rotary;
  /** Takes a tensor that has to be there. @throws FailureError `model-unsupported` */
  readonly tensor: (name: string) => FileTensor;
  /** Takes a tensor that some models have. */
  readonly optional: (name: string) => FileTensor | null;
  /** @returns names of tensors that nobody has taken. */
  readonly left: () => readonly string[];
}

/**
 * Reads what a decoder of the Llama kind is made of.
 * @param model what it is called in sentences.
 * @throws FailureError `model-unsupported` for what the graph cannot be of.
 */
export async function describe(file: GgufFile, model: string): Promise<Described> {
  const architecture = String(file.metadata.get('general.architecture'));
  const refuse = (what: string) => refusal(`${model} ${what}`);
  if (!Object.hasOwn(FAMILIES, architecture)) throw refuse(`is ${shown(architecture)}`);
  const metadataOf = (key: string) => file.metadata.get(`${architecture}.${key}`);
  const number = (key: string, fallback?: number): number => {
    const value = metadataOf(key) ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw refuse(`does not say one ${key} for all layers`);
  };
  const tensors = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const optional = (name: string) => {
    const tensor = tensors.get(name) ?? null;
    tensors.delete(name);
    return tensor;
  };
  const tensor = (name: string) => {
    const found = optional(name);
    if (found === null) throw refuse(`has no tensor ${name}`);
    return found;
  };
  if (number('expert_count', 0) > 0) throw refuse('has experts');
  const heads = number('attention.head_count');
  const embedding = number('embedding_length');
  const headLength = number('attention.key_length', embedding / heads);
  const values = number('attention.value_length', headLength);
  if (values !== headLength) throw refuse('has values of another length than keys');
  const turned = number('rope.dimension_count', headLength);
  if (turned !== headLength) throw refuse(`turns ${turned} of the ${headLength} elements of a head`);
  const embeddings = file.tensors.find(({ name }) => name === EMBEDDING);
  return {
    architecture: architecture as GraphArchitecture,
    family: FAMILIES[architecture as GraphArchitecture],
    layers: number('block_count'),
    embedding,
    feedForward: number('feed_forward_length'),
    heads,
    kvHeads: number('attention.head_count_kv', heads),
    headLength,
    vocabulary: embeddings?.shape[1] ?? 0,
    contextLength: number('context_length'),
    rmsEpsilon: number('attention.layer_norm_rms_epsilon'),
    rotary: { length: headLength, base: number('rope.freq_base', 10_000), ...(await scaling()) },
    tensor,
    optional,
    left: () => [...tensors.keys()],
  };

  async function scaling(): Promise<Omit<Rotary, 'length' | 'base'>> {
    const frequencies = optional('rope_freqs.weight');
    const factors = frequencies === null ? null : await vector(frequencies);
    const kind = metadataOf('rope.scaling.type') ?? 'none';
    const factor = number('rope.scaling.factor', number('rope.scale_linear', 1));
    const unscaled = kind === 'none' && metadataOf('rope.scale_linear') === undefined;
    if (factor === 1 || kind === 'none' || kind === 'linear')
      return { factors, scale: unscaled ? 1 : 1 / factor, yarn: null };
    if (kind !== 'yarn') throw refuse(`stretches its context by ${shown(String(kind))}`);
    const originalContext = number('rope.scaling.original_context_length', number('context_length'));
    const attention = number('rope.scaling.attn_factor', 1);
    return { factors, scale: 1 / factor, yarn: { originalContext, attention } };
  }
}

export const EMBEDDING = 'token_embd.weight';

async function vector(tensor: FileTensor): Promise<number[]> {
  const { type, shape } = tensor;
  if (type !== 'f32') throw refusal(`its ${tensor.name} is ${type}`);
  const { values } = await readMatrix({ ...tensor, type, rows: 1, columns: shape[0] ?? 0 });
  return [...values];
}

export function refusal(what: string): FailureError {
  const hint = 'docs/onnx.md says which models have an ONNX form.';
  return failed('model-unsupported', `${what}, and no ONNX graph is built of that`, hint);
}
