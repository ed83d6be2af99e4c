import { basename } from 'node:path';
import { type FailureError, failed } from '../../../core/errors.js';
import { TRAINABLE_ARCHITECTURES, whyNotTrainable } from '../../../core/training/architectures.js';
import { shown } from '../../../formats/format.js';
import type { GgufHeader, TensorInfo } from '../../../formats/gguf/header.js';

/** What graphs of our own have to know of a dense decoder. */
export interface Architecture {
  readonly name: string;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  /** Heads of keys and values; each serves heads / groups heads. */
  readonly groups: number;
  readonly headLength: number;
  readonly vocabulary: number;
  readonly epsilon: number;
  readonly attentionScale: number;
  readonly rope: { readonly mode: number; readonly dimensions: number; readonly base: number };
  readonly contextLength: number;
}

/** The matrices of a layer that adapters go on. */
const LINEARS = ['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'] as const;

const OUTSIDE = ['token_embd.weight', 'output_norm.weight'];
const INSIDE = ['attn_norm.weight', 'ffn_norm.weight', ...LINEARS.map((name) => `${name}.weight`)];
const OPTIONAL = /^(output\.weight|rope_freqs\.weight|blk\.\d+\.(attn_[qkv]\.bias|attn_[qk]_norm\.weight))$/;

/** What a graph is made for, in the sentences that refuse a model. */
export interface Purpose {
  /** `trained` */
  readonly done: string;
  /**
   * @returns why a model of an architecture, and of so many experts a layer, is not, or null when it may be.
   */
  whyNot(architecture: string, experts: number): string | null;
}

const TRAINING: Purpose = { done: 'trained', whyNot: whyNotTrainable };

/**
 * Reads a model's shape from its header, and makes sure that the graph has a place for each of its tensors:
 * one that it does not know would be left out, and another model computed.
 * @throws FailureError `model-unsupported` with the reason.
 */
export function architectureOf(path: string, header: GgufHeader, purpose: Purpose = TRAINING): Architecture {
  const refuse = (why: string) =>
    failed(
      'model-unsupported',
      `${basename(path)} cannot be ${purpose.done}: ${why}`,
      `Dense models of the architectures ${TRAINABLE_ARCHITECTURES.join(', ')} can be.`,
    );
  const name = shown(String(header.metadata.get('general.architecture')));
  const optional = (key: string) => header.metadata.get(`${name}.${key}`) ?? null;
  const number = (key: string, otherwise?: number): number => {
    const value = optional(key) ?? otherwise;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw refuse(`its ${key} is not one number for all layers`);
  };
  const reason = purpose.whyNot(name, number('expert_count', 0));
  if (reason !== null) throw refuse(reason);
  const scaling = optional('rope.scaling.type');
  if (scaling !== null && scaling !== 'none')
    throw refuse(`its positions are scaled (${shown(String(scaling))})`);
  const width = number('embedding_length');
  const heads = number('attention.head_count');
  const headLength = number('attention.key_length', width / heads);
  if (number('attention.value_length', headLength) !== headLength)
    throw refuse('its keys and values have different lengths');
  const layers = number('block_count');
  requireTensors(header.tensors, layers, refuse);
  return {
    name,
    layers,
    width,
    heads,
    groups: number('attention.head_count_kv', heads),
    headLength,
    vocabulary: tensorNamed(header.tensors, 'token_embd.weight').shape[1] ?? 0,
    epsilon: number('attention.layer_norm_rms_epsilon'),
    attentionScale: number('attention.scale', 0) || 1 / Math.sqrt(headLength),
    rope: {
      // llama.cpp turns neighbours in llama, and in qwen elements half a head apart (llama_model_rope_type).
      mode: name === 'llama' ? 0 : 2,
      dimensions: number('rope.dimension_count', headLength),
      base: number('rope.freq_base', 10_000),
    },
    contextLength: number('context_length'),
  };
}

function requireTensors(
  tensors: readonly TensorInfo[],
  layers: number,
  refuse: (why: string) => FailureError,
): void {
  const known = new Set(tensors.map(({ name }) => name));
  const needed = [
    ...OUTSIDE,
    ...Array.from({ length: layers }, (_, i) => INSIDE.map((name) => `blk.${i}.${name}`)).flat(),
  ];
  const absent = needed.find((name) => !known.has(name));
  if (absent !== undefined) throw refuse(`it has no tensor ${absent}`);
  const wanted = new Set(needed);
  const strange = tensors.find(({ name }) => !wanted.has(name) && !OPTIONAL.test(name));
  if (strange !== undefined)
    throw refuse(`it has a tensor ${shown(strange.name)} that the graph has no place for`);
}

/** @throws Error for a name that is not there. */
export function tensorNamed(tensors: readonly TensorInfo[], name: string): TensorInfo {
  const found = tensors.find((tensor) => tensor.name === name);
  if (found === undefined) throw new Error(`there is no tensor ${name}`);
  return found;
}
