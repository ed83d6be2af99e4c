import type { ModelArchitecture } from '../../core/work/architecture.js';
import { layerSize } from '../../core/work/model-size.js';
import { architectureFromConfig } from './config.js';
import { type ArchitectureReading, reading, Unreadable } from './reading.js';

/** A tensor of a safetensors header; formats/safetensors reads one. */
export interface StoredTensor {
  readonly name: string;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  readonly bytes: number;
}

const EMBEDDING = /(embed_tokens|wte|word_embeddings|embed_in)\.weight$/;
const OUTPUT = /(lm_head|embed_out|output_layer)\.weight$/;
const IN_LAYER = /(^|\.)(layers|h)\.\d+\./;

/**
 * Reads an architecture from a config.json and the headers of the files beside it (all parts of a model): shapes by the config,
 * bits by what is stored. Packed weights (GPTQ, AWQ) count with their scales, zeros and indices, over the weights they stand for.
 */
export function architectureFromSafetensors(
  config: unknown,
  tensors: readonly StoredTensor[],
): ArchitectureReading {
  const shaped = architectureFromConfig(config);
  if (!shaped.ok) return shaped;
  return reading(() => withStoredBits(shaped.architecture, config, tensors));
}

function withStoredBits(
  shape: ModelArchitecture,
  config: unknown,
  tensors: readonly StoredTensor[],
): ModelArchitecture {
  const embedding = tensors.find(({ name }) => EMBEDDING.test(name));
  if (embedding === undefined) throw new Unreadable('the files hold no token embedding');
  const output = tensors.find(({ name }) => OUTPUT.test(name));
  const [vocabulary = 0, width = 0] = embedding.shape;
  if (width !== shape.embedding)
    throw new Unreadable(
      `${embedding.name} has rows of ${width} elements, and the config says ${shape.embedding}`,
    );
  if (vocabulary < shape.vocabulary)
    throw new Unreadable(
      `${embedding.name} has ${vocabulary} rows, and the config says ${shape.vocabulary} tokens`,
    );
  const inLayers = tensors.filter(({ name }) => IN_LAYER.test(name));
  const vectors = inLayers.filter(({ shape: dimensions }) => dimensions.length < 2);
  const vectorBits = bitsOf(vectors) ?? shape.vectorBits;
  const again = architectureFromConfig(config, {
    matrix: matrixBits(shape, inLayers, vectors),
    embedding: bitsOf([embedding])!,
    output: (output === undefined ? null : bitsOf([output])) ?? bitsOf([embedding])!,
    vector: vectorBits,
  });
  if (!again.ok) throw new Unreadable(again.reason, again.hint);
  return { ...again.architecture, tied: output === undefined };
}

/** Everything in layers that is no vector, over the weights that the config says are there. */
function matrixBits(
  shape: ModelArchitecture,
  inLayers: readonly StoredTensor[],
  vectors: readonly StoredTensor[],
): number {
  const stored = total(inLayers) - total(vectors);
  // Vectors of no bits: what is left is matrices, at the bits the config gave them.
  const matrices = { ...shape, vectorBits: 0 };
  const assumed = shape.layers[0]?.attention.output.bits ?? 16;
  const layers = shape.layers.reduce((sum, group) => sum + group.count * layerSize(matrices, group).bytes, 0);
  const bits = (assumed * stored) / layers;
  if (!(bits > 0.5 && bits < 64))
    throw new Unreadable(
      `the files hold ${stored} bytes of matrices, ${bits.toFixed(2)} bits for each weight of the config; parts may be missing`,
      'Give the headers of all parts of the model.',
    );
  return bits;
}

function total(tensors: readonly StoredTensor[]): number {
  return tensors.reduce((sum, { bytes }) => sum + bytes, 0);
}

function bitsOf(tensors: readonly StoredTensor[]): number | null {
  const elements = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  return elements === 0 ? null : (8 * total(tensors)) / elements;
}
