import type { KnownFacts } from '../../core/experiment/known-facts.js';
import { fileTypeNumbered } from '../../core/techniques/file-types.js';
import { shown } from '../format.js';
import type { GgufHeader } from './header.js';
import { textAt } from './metadata.js';
import { GgufError } from './reader.js';

/**
 * @returns the model's facts from its header.
 * @throws GgufError when it is not a language model, or one part of one.
 */
export function modelFacts(header: GgufHeader): KnownFacts {
  const { metadata } = header;
  const architecture = textAt(metadata, 'general.architecture');
  if (architecture === null) throw new GgufError('it does not say its architecture (general.architecture)');
  const kind = textAt(metadata, 'general.type') ?? 'model';
  if (kind !== 'model')
    throw new GgufError(`it holds ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${shown(kind)}, not a model`);
  if (header.tensors.length === 0) throw new GgufError('it holds no weights, only a vocabulary');
  const parts = count(header, 'split.count');
  if (parts !== null && parts > 1) {
    throw new GgufError(`it is one of ${parts} parts, and says nothing of the others`);
  }

  const keyOf = (key: string) => `${architecture}.${key}`;
  const layers = layerCount(header, keyOf('block_count'));
  const embeddingLength = required(header, keyOf('embedding_length'));
  const heads = perLayer(header, keyOf('attention.head_count'), layers);
  const keyValueHeads = perLayer(header, keyOf('attention.head_count_kv'), layers) ?? heads;
  const headLength =
    heads === null || heads[0] === undefined || heads[0] === 0 ? 0 : embeddingLength / heads[0];
  const keyLength = count(header, keyOf('attention.key_length')) ?? headLength;
  // Latent attention in the form that llama.cpp runs: one vector is both key and value, and is kept once.
  const latent = count(header, keyOf('attention.key_length_mla')) !== null;
  const valueLength = latent ? 0 : (count(header, keyOf('attention.value_length')) ?? headLength);
  const [query] = commonCount(heads);
  const [keyValue] = commonCount(keyValueHeads);
  // A model without attention (mamba) has no heads and keeps no keys, and neither does an encoder.
  const keeps = metadata.get(keyOf('attention.causal')) !== false;
  const keyValueHeadsInAll = keeps ? (keyValueHeads ?? []).reduce((sum, n) => sum + n, 0) : 0;
  return {
    format: 'gguf',
    architecture,
    parameters: header.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    bytes: header.fileBytes,
    quantization: quantizationOf(header),
    layers,
    contextLength: required(header, keyOf('context_length')),
    keyElementsPerToken: keyValueHeadsInAll * keyLength,
    valueElementsPerToken: keyValueHeadsInAll * valueLength,
    vocabularySize: vocabularySize(header, keyOf('vocab_size')),
    embeddingLength,
    heads: query === undefined || keyValue === undefined ? null : { query, keyValue },
    experts: count(header, keyOf('expert_count')) ?? 0,
  };
}

/** @returns bytes of all weight tensors. */
export function weightBytes(header: GgufHeader): number {
  return header.tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
}

/** The file's own word; without one, the type that holds most bytes. */
function quantizationOf(header: GgufHeader): string {
  const said = fileTypeNumbered(count(header, 'general.file_type'));
  if (said !== null) return said.name;
  const bytes = new Map<string, number>();
  for (const tensor of header.tensors) bytes.set(tensor.type, (bytes.get(tensor.type) ?? 0) + tensor.bytes);
  const most = [...bytes].sort((a, b) => b[1] - a[1])[0];
  return most![0];
}

function vocabularySize(header: GgufHeader, key: string): number {
  const tokens = header.metadata.get('tokenizer.ggml.tokens');
  if (typeof tokens === 'object' && tokens !== null) return tokens.count;
  const embedding = header.tensors.find((tensor) => tensor.name === 'token_embd.weight');
  return count(header, key) ?? embedding?.shape[1] ?? 0;
}

/** @returns the number that all layers have, or nothing. */
function commonCount(counts: readonly number[] | null): readonly number[] {
  const [first = 0] = counts ?? [];
  return first > 0 && counts?.every((one) => one === first) ? [first] : [];
}

/** One number for all layers, or one for each. */
export function perLayer(header: GgufHeader, key: string, layers: number): readonly number[] | null {
  const value = header.metadata.get(key);
  if (typeof value === 'number') return Array.from({ length: layers }, () => value);
  if (typeof value !== 'object' || value === null || value.values === null) return null;
  for (const one of value.values) checked(one, key);
  return value.values;
}

function required(header: GgufHeader, key: string): number {
  const value = count(header, key);
  if (value === null) {
    const architecture = shown(String(header.metadata.get('general.architecture')));
    throw new GgufError(`its architecture is ${architecture}, and it does not say its ${shown(key)}`);
  }
  return value;
}

/** Bounded, since arrays of this length are made from it. */
function layerCount(header: GgufHeader, key: string): number {
  const layers = required(header, key);
  if (layers > 4096) throw new GgufError(`it claims ${layers} layers; 4096 is the most there can be`);
  return layers;
}

/** Largest plausible number of layers, tokens or elements: sums over layers must stay exact. */
const MAX_COUNT = 2 ** 31;

function count(header: GgufHeader, key: string): number | null {
  const value = header.metadata.get(key);
  return typeof value === 'number' ? checked(value, key) : null;
}

function checked(value: number, key: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= MAX_COUNT) return value;
  throw new GgufError(`its ${shown(key)} is ${value}`);
}
