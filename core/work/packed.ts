import { groupBy } from '../maps.js';
import type { LayerGroup, MatrixShape, ModelArchitecture } from './architecture.js';

/** A matrix as a runner packed it. */
export interface PackedSize {
  readonly weights: number;
  /** Those that are multiplied: all, or all but zeros. */
  readonly kept: number;
  /** What a product reads: weights, bits that say where they are, scales. */
  readonly bytes: number;
}

/** Matrices that a layer multiplies one vector with lie on each other: they are one. */
export interface PackedLayer {
  readonly qkv: PackedSize;
  readonly output: PackedSize;
  /** Gate and up. */
  readonly up: PackedSize;
  readonly down: PackedSize;
}

/** What the runner `sparse` made of a model's matrices. */
export interface PackedMatrices {
  readonly type: 'bf16' | 'int8';
  /** Of every layer. */
  readonly layers: readonly PackedLayer[];
  /** The vocabulary's: a copy of its own, also where the output is the embedding's. */
  readonly head: PackedSize;
}

/** Bits of a weight that is kept, without its scale. */
const VALUE_BITS = { bf16: 16, int8: 8 } as const;

/**
 * The architecture of a dense Llama-like model with its matrices as they were packed. Layers with the same
 * matrices left without zeros stand together with the mean of their bytes and kept weights, so that sums over
 * the model are exact.
 * @param architecture of the file, whose layers are alike but for types.
 */
export function packedArchitecture(
  architecture: ModelArchitecture,
  packed: PackedMatrices,
): ModelArchitecture {
  const [first] = architecture.layers;
  if (first === undefined) return architecture;
  const valueBits = VALUE_BITS[packed.type];
  const groups = groupBy(packed.layers, (layer) =>
    STACKS.map((stack) => layer[stack].kept < layer[stack].weights).join(),
  );
  const { bits, packed: headPacked } = storedAs([packed.head], valueBits);
  return {
    ...architecture,
    tied: false,
    layers: [...groups.values()].map((layers) => packedGroup(first, layers, valueBits)),
    outputBits: bits,
    outputType: undefined,
    outputPacked: headPacked,
  };
}

const STACKS = ['qkv', 'output', 'up', 'down'] as const;

function packedGroup(shape: LayerGroup, layers: readonly PackedLayer[], valueBits: number): LayerGroup {
  const { attention, feedForward } = shape;
  if (attention.kind !== 'dot-product') return shape;
  const packedShape = (stack: (typeof STACKS)[number], matrix: MatrixShape): MatrixShape => ({
    inputs: matrix.inputs,
    outputs: matrix.outputs,
    bias: matrix.bias,
    ...storedAs(
      layers.map((layer) => layer[stack]),
      valueBits,
    ),
  });
  const { query, key, value, output } = attention;
  const { gate, up, down } = feedForward;
  return {
    ...shape,
    count: layers.length,
    attention: {
      ...attention,
      query: packedShape('qkv', query),
      key: packedShape('qkv', key),
      value: packedShape('qkv', value),
      output: packedShape('output', output),
      fused: true,
    },
    feedForward: {
      ...feedForward,
      gate: gate === null ? null : packedShape('up', gate),
      up: packedShape('up', up),
      down: packedShape('down', down),
      fused: true,
    },
  };
}

function storedAs(
  sizes: readonly PackedSize[],
  valueBits: number,
): Required<Pick<MatrixShape, 'bits' | 'packed'>> {
  const sum = (numberOf: (size: PackedSize) => number) =>
    sizes.reduce((total, size) => total + numberOf(size), 0);
  const weights = sum((size) => size.weights);
  const density = sum((size) => size.kept) / weights;
  return { bits: (8 * sum((size) => size.bytes)) / weights, packed: { valueBits, density } };
}
