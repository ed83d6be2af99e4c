import type {
  ActivationFunction,
  AttentionShape,
  ExpertsShape,
  FeedForwardShape,
  LatentAttention,
  LayerGroup,
  MatrixShape,
  ModelArchitecture,
  PositionShape,
} from '../../core/work/architecture.js';
import { grouped } from './reading.js';

/** How many bits an element of each kind of weight has, scales included. */
export interface StoredBits {
  readonly matrix: number;
  /** Of experts, routed and shared; left out = as other matrices. */
  readonly experts?: number | undefined;
  readonly embedding: number;
  readonly output: number;
  readonly vector: number;
}

/** A model in numbers, as configs give them; what a layer has of its own is asked by its index. */
export interface DecoderNumbers
  extends Pick<ModelArchitecture, 'family' | 'embedding' | 'vocabulary' | 'contextLength' | 'tied' | 'norm'> {
  readonly layers: number;
  readonly outputBias?: boolean;
  readonly normsPerLayer: number;
  /** They stand behind attention and feed-forward. */
  readonly normsBehind?: boolean;
  /** Of each head, or of all heads at once. */
  readonly queryKeyNorm?: boolean | 'across heads';
  /** The table of learned positions has the bits of the embedding. */
  readonly positions:
    | Exclude<PositionShape, { readonly kind: 'learned' }>
    | { readonly kind: 'learned'; readonly rows: number };
  readonly embeddingScaled?: boolean;
  readonly attention: HeadNumbers | LatentNumbers;
  /** Tokens that a query of this layer sees; left out = all. */
  readonly window?: (layer: number) => number | null;
  /** Whether queries and keys of a layer are left unturned; left out = of none. */
  readonly unturned?: (layer: number) => boolean;
  /** Kinds of segments of an encoder; left out = it decodes. */
  readonly tokenTypes?: number;
  readonly feedForward: FeedForwardNumbers;
  readonly experts?: ExpertNumbers | null;
}

export interface HeadNumbers {
  readonly kind: 'dot-product';
  readonly heads: number;
  readonly kvHeads: number;
  readonly headLength: number;
  readonly fused?: boolean;
  readonly inputBias?: boolean;
  readonly outputBias?: boolean;
  readonly sinks?: boolean;
}

export type LatentNumbers = Pick<
  LatentAttention,
  'kind' | 'heads' | 'kvRank' | 'queryRank' | 'ropeLength' | 'headLength' | 'valueLength'
>;

export interface FeedForwardNumbers {
  readonly width: number;
  readonly gated: boolean;
  readonly activation: ActivationFunction;
  readonly fused?: boolean;
  readonly bias?: boolean;
}

/** What is left out of those that every token passes: there are none. */
export interface ExpertNumbers
  extends Pick<ExpertsShape, 'count' | 'usedPerToken' | 'gating'>,
    Partial<Pick<ExpertsShape, 'sharedWidth' | 'sharedGate'>> {
  readonly width: number;
  readonly routerBias?: boolean;
  /** Whether a layer has experts; the others have the feed-forward. Left out = all have. */
  readonly inLayer?: (layer: number) => boolean;
}

/** Puts an architecture together from numbers; every matrix has the same bits, but those of experts. */
export function assemble(numbers: DecoderNumbers, bits: StoredBits): ModelArchitecture {
  const layers = Array.from(
    { length: numbers.layers },
    (_, index): Omit<LayerGroup, 'count'> => ({
      attention: attentionOf(numbers, index, bits.matrix),
      feedForward: feedForwardOf(numbers, index, bits),
      norms: {
        perLayer: numbers.normsPerLayer,
        onQueryAndKey: numbers.queryKeyNorm !== undefined && numbers.queryKeyNorm !== false,
        ...(numbers.normsBehind === true ? { behind: true } : {}),
        ...(numbers.queryKeyNorm === 'across heads' ? { acrossHeads: true } : {}),
      },
    }),
  );
  const { family, embedding, vocabulary, contextLength, tied, norm, positions } = numbers;
  return {
    family,
    embedding,
    vocabulary,
    contextLength,
    tied,
    layers: grouped(layers),
    embeddingBits: bits.embedding,
    outputBits: tied ? bits.embedding : bits.output,
    outputBias: numbers.outputBias === true,
    positions: positions.kind === 'learned' ? { ...positions, bits: bits.embedding } : positions,
    norm,
    vectorBits: bits.vector,
    embeddingScaled: numbers.embeddingScaled === true,
    ...(numbers.tokenTypes === undefined ? {} : { encoder: { tokenTypes: numbers.tokenTypes } }),
  };
}

function matrixOf(bits: number) {
  return (inputs: number, outputs: number, bias = false): MatrixShape => ({ inputs, outputs, bits, bias });
}

function attentionOf(
  { embedding, attention, window, unturned }: DecoderNumbers,
  layer: number,
  bits: number,
): AttentionShape {
  const matrix = matrixOf(bits);
  const { heads, headLength } = attention;
  if (attention.kind === 'latent') {
    const { kvRank, queryRank, ropeLength, valueLength } = attention;
    const queries = heads * (headLength + ropeLength);
    return {
      ...attention,
      downQuery: queryRank === null ? null : matrix(embedding, queryRank),
      upQuery: matrix(queryRank ?? embedding, queries),
      downKeyValue: matrix(embedding, kvRank + ropeLength),
      upKey: matrix(kvRank, heads * headLength),
      upValue: matrix(kvRank, heads * valueLength),
      output: matrix(heads * valueLength, embedding),
    };
  }
  const { kvHeads, fused = false, inputBias, outputBias } = attention;
  return {
    kind: 'dot-product',
    heads,
    kvHeads,
    keyLength: headLength,
    valueLength: headLength,
    window: window?.(layer) ?? null,
    query: matrix(embedding, heads * headLength, inputBias),
    key: matrix(embedding, kvHeads * headLength, inputBias),
    value: matrix(embedding, kvHeads * headLength, inputBias),
    output: matrix(heads * headLength, embedding, outputBias),
    fused,
    ...(unturned?.(layer) === true ? { unturned: true } : {}),
    ...(attention.sinks === true ? { sinks: true } : {}),
    sparse: null,
  };
}

function feedForwardOf(
  { embedding, feedForward, experts }: DecoderNumbers,
  layer: number,
  bits: StoredBits,
): FeedForwardShape {
  const mixture = experts && experts.inLayer?.(layer) !== false ? experts : null;
  const matrix = matrixOf(mixture === null ? bits.matrix : (bits.experts ?? bits.matrix));
  const { gated, activation, fused = false, bias } = feedForward;
  const width = mixture?.width ?? feedForward.width;
  return {
    kind: gated ? 'gated' : 'plain',
    activation,
    fused,
    gate: gated ? matrix(embedding, width, bias) : null,
    up: matrix(embedding, width, bias),
    down: matrix(width, embedding, bias),
    experts:
      mixture === null
        ? null
        : {
            count: mixture.count,
            usedPerToken: mixture.usedPerToken,
            sharedWidth: mixture.sharedWidth ?? 0,
            sharedGate: mixture.sharedGate === true,
            // Routers are kept in full precision.
            router: {
              inputs: embedding,
              outputs: mixture.count,
              bits: bits.vector,
              bias: mixture.routerBias === true,
            },
            ...(mixture.gating === undefined ? {} : { gating: mixture.gating }),
          },
  };
}
