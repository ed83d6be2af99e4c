import type { MatrixShape, ModelArchitecture } from '../../core/work/architecture.js';
import { matricesOf } from '../../core/work/model-size.js';
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
/** Routed and shared; what chooses them is none. */
const EXPERT = /\.(?:shared_)?experts?\./;
/** Of all experts of a layer together. */
const BIAS = /_bias$/;
const IN_LAYER = /(^|\.)(layers|layer|h)\.\d+\./;

/**
 * Reads an architecture from a config.json and the headers of the files beside it (all parts of a model):
 * shapes by the config, bits by what is stored. Packed weights (GPTQ, AWQ) count with their scales, zeros and
 * indices, over the weights they stand for.
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
  const [vectors, matrices] = [true, false].map((isVector) =>
    inLayers.filter(({ name, shape: dimensions }) => (dimensions.length < 2 || BIAS.test(name)) === isVector),
  ) as [StoredTensor[], StoredTensor[]];
  const vectorBits = bitsOf(vectors) ?? shape.vectorBits;
  const again = architectureFromConfig(config, {
    matrix: matrixBits(shape, matrices, false)!,
    experts: matrixBits(shape, matrices, true) ?? undefined,
    embedding: bitsOf([embedding])!,
    output: (output === undefined ? null : bitsOf([output])) ?? bitsOf([embedding])!,
    vector: vectorBits,
    excluded: undefined,
  });
  if (!again.ok) throw new Unreadable(again.reason, again.hint);
  return { ...again.architecture, tied: output === undefined };
}

/**
 * Bytes of the experts of all layers, or of all their other matrices, over the weights that the config says
 * are there; null = there are none.
 */
function matrixBits(
  { layers }: ModelArchitecture,
  matrices: readonly StoredTensor[],
  ofExperts: boolean,
): number | null {
  const stored = total(matrices.filter(({ name }) => EXPERT.test(name) === ofExperts));
  let weights = 0;
  for (const { count, attention, feedForward } of layers) {
    const { gate, up, down, experts } = feedForward;
    const isExpert = (matrix: MatrixShape) => experts !== null && [gate, up, down].includes(matrix);
    for (const [matrix, copies] of matricesOf(attention, feedForward))
      if (isExpert(matrix) === ofExperts) weights += count * copies * matrix.inputs * matrix.outputs;
  }
  if (weights === 0 && ofExperts) return null;
  const bits = (8 * stored) / weights;
  if (!(bits > 0.5 && bits < 64))
    throw new Unreadable(
      `the files hold ${stored} bytes of ${ofExperts ? 'experts' : 'matrices'}, ${bits.toFixed(2)} bits for each weight of the config; parts may be missing`,
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
