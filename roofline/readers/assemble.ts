import type {
  ActivationFunction,
  AttentionShape,
  ExpertsShape,
  FeedForwardShape,
  GatedDeltaAttention,
  LatentAttention,
  LayerGroup,
  MatrixShape,
  ModelArchitecture,
  PositionShape,
  TokenIndexShape,
} from '../../core/work/architecture.js';
import { convolvedWidth } from '../../core/work/kept.js';
import { grouped } from './reading.js';

/** How many bits an element of each kind of weight has, scales included. */
export interface StoredBits {
  readonly matrix: number;
  /** Of experts, routed and shared; left out = as other matrices. */
  readonly experts?: number | undefined;
  readonly embedding: number;
  readonly output: number;
  readonly vector: number;
  /** Matrices that a quantizer left out, by their modules (`layers.3.mlp.down_proj`), and their bits. */
  readonly excluded?: { readonly bits: number; readonly has: (module: string) => boolean } | undefined;
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
  /** Layers that have linear attention in the place of that. */
  readonly linear?: GatedDeltaNumbers;
  /** Tokens that a query of this layer sees; left out = all. */
  readonly window?: (layer: number) => number | null;
  /** Whether queries and keys of a layer are left unturned; left out = of none. */
  readonly unturned?: (layer: number) => boolean;
  /** Kinds of segments of an encoder; left out = it decodes. */
  readonly tokenTypes?: number;
  readonly feedForward: FeedForwardNumbers;
  readonly experts?: ExpertNumbers | null;
  /** As ModelArchitecture has it. */
  readonly leftOut?: readonly string[];
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
  readonly gated?: boolean;
}

export interface LatentNumbers
  extends Pick<
    LatentAttention,
    'kind' | 'heads' | 'kvRank' | 'queryRank' | 'ropeLength' | 'headLength' | 'valueLength'
  > {
  readonly index?: TokenIndexNumbers | undefined;
}

export interface TokenIndexNumbers extends Pick<TokenIndexShape, 'heads' | 'headLength' | 'chosen'> {
  /** Whether a layer has an index of its own; the others take what it chose. */
  readonly inLayer: (layer: number) => boolean;
}

export interface GatedDeltaNumbers
  extends Pick<
    GatedDeltaAttention,
    'heads' | 'keyHeads' | 'keyLength' | 'valueLength' | 'convolution' | 'stateBits'
  > {
  readonly inLayer: (layer: number) => boolean;
}

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
  /** What a layer's experts are called, where it is not `mlp.experts`; and those that every token passes. */
  readonly module?: string;
  readonly sharedModule?: string;
  /** Whether a layer has experts; the others have the feed-forward. Left out = all have. */
  readonly inLayer?: (layer: number) => boolean;
}

/** Puts an architecture together from numbers; every matrix has the same bits, but those of experts. */
export function assemble(numbers: DecoderNumbers, bits: StoredBits): ModelArchitecture {
  const layers = Array.from(
    { length: numbers.layers },
    (_, index): Omit<LayerGroup, 'count'> => ({
      attention: attentionOf(numbers, index, bits),
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
    ...(numbers.leftOut === undefined || numbers.leftOut.length === 0 ? {} : { leftOut: numbers.leftOut }),
  };
}

type MatrixMaker = (module: string, inputs: number, outputs: number, bias?: boolean) => MatrixShape;

/** Makes matrices of one layer, in the bits that their module has. */
function matricesIn(layer: number, stored: StoredBits, own = stored.matrix): MatrixMaker {
  return (module, inputs, outputs, bias = false) => ({
    inputs,
    outputs,
    bits: stored.excluded?.has(`layers.${layer}.${module}`) === true ? stored.excluded.bits : own,
    bias,
  });
}

function attentionOf(numbers: DecoderNumbers, layer: number, bits: StoredBits): AttentionShape {
  const { attention, linear, embedding } = numbers;
  const matrix = matricesIn(layer, bits);
  if (linear?.inLayer(layer) === true) return gatedDeltaOf(embedding, linear, matrix);
  if (attention.kind === 'latent') return latentOf(embedding, attention, layer, matrix, bits.vector);
  return headsOf(numbers, attention, layer, matrix);
}

function headsOf(
  { embedding, window, unturned }: DecoderNumbers,
  attention: HeadNumbers,
  layer: number,
  matrix: MatrixMaker,
): AttentionShape {
  const { heads, kvHeads, headLength, fused = false, inputBias, outputBias, gated } = attention;
  const queries = (gated === true ? 2 : 1) * heads * headLength;
  return {
    kind: 'dot-product',
    heads,
    kvHeads,
    keyLength: headLength,
    valueLength: headLength,
    window: window?.(layer) ?? null,
    query: matrix('self_attn.q_proj', embedding, queries, inputBias),
    key: matrix('self_attn.k_proj', embedding, kvHeads * headLength, inputBias),
    value: matrix('self_attn.v_proj', embedding, kvHeads * headLength, inputBias),
    output: matrix('self_attn.o_proj', heads * headLength, embedding, outputBias),
    fused,
    ...(unturned?.(layer) === true ? { unturned: true } : {}),
    ...(attention.sinks === true ? { sinks: true } : {}),
    ...(gated === true ? { gated } : {}),
    sparse: null,
  };
}

function latentOf(
  embedding: number,
  { index, ...attention }: LatentNumbers,
  layer: number,
  matrix: MatrixMaker,
  vectorBits: number,
): LatentAttention {
  const { heads, headLength, kvRank, queryRank, ropeLength, valueLength } = attention;
  const queries = heads * (headLength + ropeLength);
  const upQuery = queryRank === null ? 'q_proj' : 'q_b_proj';
  return {
    ...attention,
    downQuery: queryRank === null ? null : matrix('self_attn.q_a_proj', embedding, queryRank),
    upQuery: matrix(`self_attn.${upQuery}`, queryRank ?? embedding, queries),
    downKeyValue: matrix('self_attn.kv_a_proj_with_mqa', embedding, kvRank + ropeLength),
    upKey: matrix('self_attn.kv_b_proj', kvRank, heads * headLength),
    upValue: matrix('self_attn.kv_b_proj', kvRank, heads * valueLength),
    output: matrix('self_attn.o_proj', heads * valueLength, embedding),
    ...(index === undefined ? {} : { index: indexOf(index) }),
  };

  function indexOf({ inLayer, ...numbers }: TokenIndexNumbers): TokenIndexShape {
    const input = queryRank ?? embedding;
    return {
      ...numbers,
      matrices: inLayer(layer)
        ? {
            query: matrix('self_attn.indexer.wq_b', input, numbers.heads * numbers.headLength),
            key: matrix('self_attn.indexer.wk', embedding, numbers.headLength),
            // Kept in full precision, as a router is.
            weight: { inputs: embedding, outputs: numbers.heads, bits: vectorBits, bias: false },
          }
        : null,
    };
  }
}

function gatedDeltaOf(
  embedding: number,
  { inLayer: _, ...numbers }: GatedDeltaNumbers,
  matrix: MatrixMaker,
): GatedDeltaAttention {
  const values = numbers.heads * numbers.valueLength;
  return {
    kind: 'gated-delta',
    ...numbers,
    input: matrix('linear_attn.in_proj_qkv', embedding, convolvedWidth(numbers)),
    gate: matrix('linear_attn.in_proj_z', embedding, values),
    control: matrix('linear_attn.in_proj_ba', embedding, 2 * numbers.heads),
    output: matrix('linear_attn.out_proj', values, embedding),
  };
}

function feedForwardOf(
  { embedding, feedForward, experts }: DecoderNumbers,
  layer: number,
  bits: StoredBits,
): FeedForwardShape {
  const mixture = experts && experts.inLayer?.(layer) !== false ? experts : null;
  const inExperts = bits.experts ?? bits.matrix;
  const matrix = matricesIn(layer, bits, mixture === null ? bits.matrix : inExperts);
  const module = mixture === null ? 'mlp' : (mixture.module ?? 'mlp.experts.0');
  const { gated, activation, fused = false, bias } = feedForward;
  const width = mixture?.width ?? feedForward.width;
  return {
    kind: gated ? 'gated' : 'plain',
    activation,
    fused,
    gate: gated ? matrix(`${module}.gate_proj`, embedding, width, bias) : null,
    up: matrix(`${module}.up_proj`, embedding, width, bias),
    down: matrix(`${module}.down_proj`, width, embedding, bias),
    experts: mixture === null ? null : expertsOf(embedding, mixture, matrix, inExperts, bits.vector),
  };
}

function expertsOf(
  embedding: number,
  mixture: ExpertNumbers,
  matrix: MatrixMaker,
  bits: number,
  vectorBits: number,
): ExpertsShape {
  const { count, usedPerToken, sharedWidth = 0, sharedModule = 'mlp.shared_experts', gating } = mixture;
  const shared = matrix(`${sharedModule}.up_proj`, embedding, sharedWidth);
  return {
    count,
    usedPerToken,
    sharedWidth,
    ...(sharedWidth === 0 || shared.bits === bits ? {} : { sharedStored: { bits: shared.bits } }),
    sharedGate: mixture.sharedGate === true,
    // Routers are kept in full precision.
    router: { inputs: embedding, outputs: count, bits: vectorBits, bias: mixture.routerBias === true },
    ...(gating === undefined ? {} : { gating }),
  };
}
