import type { LayerGroup, MatrixShape, ModelArchitecture } from '../../core/work/architecture.js';
import { type ArchitectureReading, grouped, reading, Unreadable } from './reading.js';

/** A matrix of constants in a graph. */
interface Weights {
  readonly name: string;
  /** Of a weight, with what belongs to it; null for a type that is none of numbers, or not known. */
  readonly bits: number | null;
}

/** What a graph has of a model. */
export interface OnnxWeights {
  /** Products with constants, in the order of the graph. */
  readonly matrices: readonly (Weights & { readonly inputs: number; readonly outputs: number })[];
  /** Constants that rows are gathered from, the largest first. */
  readonly tables: readonly (Weights & { readonly rows: number; readonly columns: number })[];
}

/** What its matrices do not say. */
export interface OnnxFacts {
  readonly heads: number;
  readonly contextLength: number;
  readonly graphLogits: 'all' | 'last';
}

/**
 * Reads an architecture from an ONNX export of a Llama-like decoder: products with constants in the order of
 * the graph, seven for each layer (Q, K, V, output, gate, up, down), then one with the vocabulary; the
 * embedding is the constant that is gathered from. What exporters fuse into one matrix, or quantize into a
 * constant that a product does not take (DequantizeLinear), is not read: give the config.json instead.
 */
export function architectureFromOnnx(weights: OnnxWeights, facts: OnnxFacts): ArchitectureReading {
  return reading(() => architectureOf(weights, facts));
}

const PER_LAYER = 7;

function architectureOf(
  weights: OnnxWeights,
  { heads, contextLength, graphLogits }: OnnxFacts,
): ModelArchitecture {
  const [table] = weights.tables;
  if (table === undefined)
    throw new Unreadable('the graph gathers from no constant table, so it has no token embedding');
  const { rows: vocabulary, columns: embedding } = table;
  const matrices = weights.matrices.map((matrix): MatrixShape => {
    const { inputs, outputs } = matrix;
    return { inputs, outputs, bits: bitsOf(matrix), bias: false };
  });
  const output = matrices.at(-1);
  const count = (matrices.length - 1) / PER_LAYER;
  if (output?.outputs !== vocabulary || !Number.isInteger(count) || count < 1)
    throw new Unreadable(
      `the graph has ${matrices.length} products with constants, which are not ${PER_LAYER} for each layer and one for the vocabulary`,
      'Only plain exports of Llama-like models can be read; give the config.json instead.',
    );
  const layers = Array.from({ length: count }, (_, index) =>
    layerOf(matrices.slice(index * PER_LAYER, (index + 1) * PER_LAYER), heads, embedding, index),
  );
  const [first] = layers;
  const headLength = first?.attention.kind === 'dot-product' ? first.attention.keyLength : 0;
  return {
    family: 'onnx',
    embedding,
    vocabulary,
    contextLength,
    // Exporters write a tied matrix twice, turned; it is read as it is stored.
    tied: false,
    layers: grouped(layers),
    embeddingBits: bitsOf(table),
    outputBits: output.bits,
    outputBias: false,
    positions: { kind: 'rotary', length: headLength },
    norm: 'rms',
    // Norms stay floats where matrices are quantized.
    vectorBits: Math.max(16, bitsOf(table)),
    embeddingScaled: false,
    graphLogits,
  };
}

type Seven<T> = readonly [T, T, T, T, T, T, T];

function bitsOf({ name, bits }: Weights): number {
  if (bits === null) throw new Unreadable(`the constant ${name} has a data_type whose bits are not known`);
  return bits;
}

function layerOf(
  matrices: readonly MatrixShape[],
  heads: number,
  embedding: number,
  index: number,
): Omit<LayerGroup, 'count'> {
  const [query, key, value, output, gate, up, down] = matrices as Seven<MatrixShape>;
  const headLength = query.outputs / heads;
  const kvHeads = key.outputs / headLength;
  const fits =
    query.inputs === embedding &&
    output.outputs === embedding &&
    output.inputs === query.outputs &&
    value.outputs === key.outputs &&
    gate.outputs === up.outputs &&
    down.inputs === up.outputs &&
    Number.isInteger(headLength) &&
    Number.isInteger(kvHeads);
  if (!fits)
    throw new Unreadable(
      `the matrices of layer ${index} are not those of a Llama-like layer with ${heads} heads`,
      'Only plain exports of Llama-like models can be read; give the config.json instead.',
    );
  return {
    attention: {
      kind: 'dot-product',
      heads,
      kvHeads,
      keyLength: headLength,
      valueLength: headLength,
      window: null,
      query,
      key,
      value,
      output,
      fused: false,
      sparse: null,
    },
    feedForward: { kind: 'gated', activation: 'silu', fused: false, gate, up, down, experts: null },
    norms: { perLayer: 2, onQueryAndKey: false },
  };
}
