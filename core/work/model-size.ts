import type {
  AttentionShape,
  FeedForwardShape,
  GatedDeltaAttention,
  LatentAttention,
  LayerGroup,
  MatrixShape,
  ModelArchitecture,
} from './architecture.js';
import { convolvedWidth } from './kept.js';

/** Weights by number and by bytes as stored. */
export interface Size {
  readonly parameters: number;
  readonly bytes: number;
}

/**
 * @returns all weights that the model keeps, experts that are rarely used included; a tied output counts
 *   once.
 */
export function sizeOf(architecture: ModelArchitecture): Size {
  const layers = architecture.layers.map((group) => times(layerSize(architecture, group), group.count));
  return total([vocabularySize(architecture), ...layers]);
}

/**
 * Embedding and positions, which stand before the layers; last norm and output, which stand behind them.
 * @param ends which of them are asked for: a device of a pipeline has one, or none; a tied matrix is held
 *   where either is.
 */
export function vocabularySize(
  architecture: ModelArchitecture,
  { first, last }: { readonly first: boolean; readonly last: boolean } = { first: true, last: true },
): Size {
  const { embedding, vocabulary, tied, embeddingBits, outputBits, outputBias, positions, encoder } =
    architecture;
  const learned = positions.kind === 'learned' ? sized(positions.rows * embedding, positions.bits) : NOTHING;
  const table = { inputs: embedding, outputs: vocabulary, bias: false };
  const input = matrixSize({ ...table, bits: embeddingBits }, architecture);
  const output = tied ? input : matrixSize({ ...table, bits: outputBits, bias: outputBias }, architecture);
  // An encoder has a norm behind its embeddings, and ends with its last layer.
  if (encoder !== undefined) {
    const types = sized(encoder.tokenTypes * embedding, typeBits(positions, architecture.vectorBits));
    return first ? total([input, learned, types, normsSize(architecture, embedding)]) : NOTHING;
  }
  return total([
    first ? input : NOTHING,
    last && !(tied && first) ? output : NOTHING,
    last ? normsSize(architecture, embedding) : NOTHING,
    first ? learned : NOTHING,
  ]);
}

/** Bits of the table of kinds of segments: those of learned positions. */
export function typeBits(positions: ModelArchitecture['positions'], otherwise: number): number {
  return positions.kind === 'learned' ? positions.bits : otherwise;
}

/** One layer of a group. */
export function layerSize(architecture: ModelArchitecture, group: LayerGroup): Size {
  const { norms, attention, feedForward } = group;
  return total([
    ...matricesOf(attention, feedForward).map(([matrix, copies]) =>
      times(matrixSize(matrix, architecture), copies),
    ),
    ...Array.from({ length: norms.perLayer }, () => normsSize(architecture, architecture.embedding)),
    ...(norms.onQueryAndKey ? headNorms(architecture, attention, norms.acrossHeads === true) : []),
    attention.kind === 'dot-product' && attention.sinks === true
      ? sized(attention.heads, architecture.vectorBits)
      : NOTHING,
    ...(attention.kind === 'latent' ? latentNorms(architecture, attention) : []),
    ...(attention.kind === 'gated-delta' ? [ruleVectors(architecture, attention)] : []),
    feedForward.experts?.sharedGate === true
      ? sized(architecture.embedding, architecture.vectorBits)
      : NOTHING,
  ]);
}

/** Every matrix of a layer with how often it is there. */
export function matricesOf(
  attention: AttentionShape,
  { gate, up, down, experts }: FeedForwardShape,
): readonly (readonly [MatrixShape, number])[] {
  const ofAttention = attentionMatrices(attention);
  const forward = [gate, up, down].filter((matrix) => matrix !== null);
  if (experts === null) return [...ofAttention, ...forward].map((matrix) => [matrix, 1]);
  const { count, sharedWidth, sharedStored, router } = experts;
  // Shared experts have their width together, a routed one that of `up`.
  const shared = sharedWidth / up.outputs;
  return [
    ...ofAttention.map((matrix) => [matrix, 1] as const),
    [router, 1],
    ...(sharedStored === undefined
      ? forward.map((matrix) => [matrix, count + shared] as const)
      : forward.flatMap((matrix) => [
          [matrix, count] as const,
          [{ ...matrix, ...sharedStored }, shared] as const,
        ])),
  ];
}

function attentionMatrices(attention: AttentionShape): readonly MatrixShape[] {
  switch (attention.kind) {
    case 'dot-product':
      return [attention.query, attention.key, attention.value, attention.output];
    case 'gated-delta':
      return [attention.input, attention.gate, attention.control, attention.output];
    case 'latent': {
      const { downQuery, upQuery, downKeyValue, upKey, upValue, output, index } = attention;
      const { query, key, weight } = index?.matrices ?? { query: null, key: null, weight: null };
      return [downQuery, upQuery, downKeyValue, upKey, upValue, output, query, key, weight].filter(
        (matrix) => matrix !== null,
      );
    }
  }
}

const NOTHING: Size = { parameters: 0, bytes: 0 };

function matrixSize({ inputs, outputs, bits, bias }: MatrixShape, { vectorBits }: ModelArchitecture): Size {
  return total([sized(inputs * outputs, bits), bias ? sized(outputs, vectorBits) : NOTHING]);
}

function normsSize({ norm, vectorBits }: ModelArchitecture, width: number): Size {
  return sized(norm === 'layer' ? 2 * width : width, vectorBits);
}

function headNorms(architecture: ModelArchitecture, attention: AttentionShape, across: boolean): Size[] {
  if (attention.kind === 'gated-delta') return [];
  if (attention.kind === 'latent')
    return [attention.headLength, attention.headLength].map((length) => normsSize(architecture, length));
  const { heads, kvHeads, keyLength } = attention;
  return [heads, kvHeads].map((count) => normsSize(architecture, (across ? count : 1) * keyLength));
}

function latentNorms(architecture: ModelArchitecture, { kvRank, queryRank, index }: LatentAttention): Size[] {
  const norms = [kvRank, ...(queryRank === null ? [] : [queryRank])].map((rank) =>
    normsSize(architecture, rank),
  );
  // A LayerNorm of the index's keys.
  const matrices = index?.matrices ?? null;
  return matrices === null
    ? norms
    : [...norms, normsSize({ ...architecture, norm: 'layer' }, matrices.key.outputs)];
}

/** The convolution, a decay and a step of each head, and the norm behind the rule, which all heads share. */
function ruleVectors({ vectorBits }: ModelArchitecture, attention: GatedDeltaAttention): Size {
  const { heads, convolution, valueLength } = attention;
  return sized(convolvedWidth(attention) * convolution + 2 * heads + valueLength, vectorBits);
}

function sized(parameters: number, bits: number): Size {
  return { parameters, bytes: (parameters * bits) / 8 };
}

function times({ parameters, bytes }: Size, count: number): Size {
  return { parameters: parameters * count, bytes: bytes * count };
}

function total(sizes: readonly Size[]): Size {
  return sizes.reduce(
    (sum, { parameters, bytes }) => ({ parameters: sum.parameters + parameters, bytes: sum.bytes + bytes }),
    NOTHING,
  );
}
