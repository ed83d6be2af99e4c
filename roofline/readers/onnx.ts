import type { LayerGroup, MatrixShape, ModelArchitecture } from '../../core/work/architecture.js';
import { type OnnxGraph, type OnnxTensor, readOnnxGraph } from './onnx-graph.js';
import { type ArchitectureReading, grouped, reading, Unreadable } from './reading.js';

/** What a graph does not say. */
export interface OnnxFacts {
  readonly heads: number;
  readonly contextLength: number;
}

/**
 * Reads an architecture from an ONNX export of a Llama-like decoder: products with constants in the order of the graph, seven
 * for each layer (Q, K, V, output, gate, up, down), then one with the vocabulary; the embedding is the constant that is
 * gathered from. Weights have to be constants of MatMul in a floating type; what exporters fuse or quantize into operators of their own
 * (GroupQueryAttention, MatMulNBits, DequantizeLinear) is not read: give the config.json instead.
 */
export function architectureFromOnnx(bytes: Uint8Array, facts: OnnxFacts): ArchitectureReading {
  return reading(() => read(readOnnxGraph(bytes), facts));
}

const PER_LAYER = 7;

function read(graph: OnnxGraph, { heads, contextLength }: OnnxFacts): ModelArchitecture {
  const table = embeddingOf(graph);
  const [vocabulary = 0, embedding = 0] = table.shape;
  const matrices = graph.nodes.flatMap(({ kind, inputs }) => {
    const constant = kind === 'MatMul' ? graph.constants.get(inputs[1] ?? '') : undefined;
    return constant?.shape.length === 2 ? [matrixOf(constant)] : [];
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
    vectorBits: bitsOf(table),
    embeddingScaled: false,
  };
}

function embeddingOf({ nodes, constants }: OnnxGraph): OnnxTensor {
  const tables = nodes.flatMap(({ kind, inputs }) => {
    const constant = kind === 'Gather' ? constants.get(inputs[0] ?? '') : undefined;
    return constant?.shape.length === 2 ? [constant] : [];
  });
  const [first] = tables.sort((a, b) => size(b) - size(a));
  if (first === undefined)
    throw new Unreadable('the graph gathers from no constant table, so it has no token embedding');
  return first;
}

function size({ shape }: OnnxTensor): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** x W: rows are the inputs. */
function matrixOf(tensor: OnnxTensor): MatrixShape {
  const [inputs = 0, outputs = 0] = tensor.shape;
  return { inputs, outputs, bits: bitsOf(tensor), bias: false };
}

function bitsOf({ name, bits }: OnnxTensor): number {
  if (bits === null) throw new Unreadable(`the constant ${name} has a data_type whose bits are not known`);
  return bits;
}

function layerOf(
  matrices: readonly MatrixShape[],
  heads: number,
  embedding: number,
  index: number,
): Omit<LayerGroup, 'count'> {
  const [query, key, value, output, gate, up, down] = matrices as [
    MatrixShape,
    MatrixShape,
    MatrixShape,
    MatrixShape,
    MatrixShape,
    MatrixShape,
    MatrixShape,
  ];
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
