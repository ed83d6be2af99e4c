import type { MatrixShape, ModelArchitecture } from '../../core/work/architecture.js';

export interface DenseNumbers {
  readonly layers: number;
  readonly embedding: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headLength: number;
  readonly feedForward: number;
  readonly vocabulary: number;
}

/** A Llama-like model of any size, 16 bits everywhere. */
export function denseArchitecture(numbers: DenseNumbers): ModelArchitecture {
  const { layers, embedding, heads, kvHeads, headLength, feedForward, vocabulary } = numbers;
  const matrix = (inputs: number, outputs: number): MatrixShape => ({
    inputs,
    outputs,
    bits: 16,
    bias: false,
  });
  return {
    family: 'llama',
    embedding,
    vocabulary,
    contextLength: 4096,
    tied: false,
    layers: [
      {
        count: layers,
        attention: {
          kind: 'dot-product',
          heads,
          kvHeads,
          keyLength: headLength,
          valueLength: headLength,
          window: null,
          query: matrix(embedding, heads * headLength),
          key: matrix(embedding, kvHeads * headLength),
          value: matrix(embedding, kvHeads * headLength),
          output: matrix(heads * headLength, embedding),
          fused: false,
          sparse: null,
        },
        feedForward: {
          kind: 'gated',
          activation: 'silu',
          fused: false,
          gate: matrix(embedding, feedForward),
          up: matrix(embedding, feedForward),
          down: matrix(feedForward, embedding),
          experts: null,
        },
        norms: { perLayer: 2, onQueryAndKey: false },
      },
    ],
    embeddingBits: 16,
    outputBits: 16,
    outputBias: false,
    positions: { kind: 'rotary', length: headLength },
    norm: 'rms',
    vectorBits: 16,
    embeddingScaled: false,
  };
}
