import type { NumberFormat } from './operator-call.js';

/**
 * What the analytic model must know of a model: shapes and bits, no weights. Read from a GGUF header, a
 * safetensors config, an ONNX graph, or a published config; everything that counts work starts from it.
 */
export interface ModelArchitecture {
  /** GGUF `general.architecture`, or the `model_type` of a config. */
  readonly family: string;
  readonly embedding: number;
  readonly vocabulary: number;
  readonly contextLength: number;
  /** The output matrix is the embedding's. */
  readonly tied: boolean;
  /** Layers that are alike stand together; in order, their counts add up to the layers of the model. */
  readonly layers: readonly LayerGroup[];
  /** Bits of an element of the token embedding and of the output matrix, scales included. */
  readonly embeddingBits: number;
  readonly outputBits: number;
  /** ggml's name of the output matrix's type, where it is known. */
  readonly outputType?: string | undefined;
  readonly outputPacked?: PackedShape | undefined;
  readonly outputBias: boolean;
  readonly positions: PositionShape;
  /** RMSNorm has a weight for each element; LayerNorm a weight and a bias. */
  readonly norm: 'rms' | 'layer';
  /** Bits of one element of a norm or bias: GGUF files keep them in f32. */
  readonly vectorBits: number;
  /** Gemma multiplies what it embeds by √embedding. */
  readonly embeddingScaled: boolean;
  /** Left out = the model decodes: a token sees those before it, which are kept in a cache. */
  readonly encoder?: EncoderShape | undefined;
  /** Its last layer is computed for all tokens, whichever have logits (GPT-OSS in llama.cpp). */
  readonly wholeLastLayer?: boolean | undefined;
  /**
   * Which tokens of a pass the file's own graph makes logits of; left out = the engine decides, which has its
   * own graph.
   */
  readonly graphLogits?: 'all' | 'last' | undefined;
  /** Parts of the published model that no pass of text runs, and that are counted nowhere: `vision`. */
  readonly leftOut?: readonly string[] | undefined;
}

/**
 * A model that reads a text at once: every token sees all of it, nothing is kept, and what it gives are
 * states and no logits.
 */
interface EncoderShape {
  /**
   * Rows of the table of kinds of segments, in the bits of positions: one is added to every token; 0 = there
   * is none.
   */
  readonly tokenTypes: number;
}

/**
 * How a token learns where it stands. `length` elements of each head are turned; ALiBi is part of the
 * softmax.
 */
export type PositionShape =
  | { readonly kind: 'rotary'; readonly length: number }
  | { readonly kind: 'learned'; readonly rows: number; readonly bits: number }
  | { readonly kind: 'alibi' | 'none' };

export interface LayerGroup {
  readonly count: number;
  readonly attention: AttentionShape;
  readonly feedForward: FeedForwardShape;
  readonly norms: NormsShape;
}

/** Normalizations over the embedding in one layer, and over Q and K, where a model has those. */
interface NormsShape {
  readonly perLayer: number;
  readonly onQueryAndKey: boolean;
  /** All stand behind attention and feed-forward and none before (OLMo 2, BERT). */
  readonly behind?: boolean | undefined;
  /** Q and K are normalized over all their heads at once (OLMo 2). */
  readonly acrossHeads?: boolean | undefined;
}

/** A matrix y = W x as it is stored. */
export interface MatrixShape {
  readonly inputs: number;
  readonly outputs: number;
  /** Bits of one original weight as stored, with scales and, where it is packed sparse, the mask. */
  readonly bits: number;
  /** ggml's name of the type (`q4_k`), where it is known: types of the same bits are not equally fast. */
  readonly type?: string | undefined;
  /**
   * How an engine on a GPU keeps and multiplies it; left out where nobody said (roofline/step/served-in.ts).
   */
  readonly format?: NumberFormat | undefined;
  readonly bias: boolean;
  /** Left out where every weight is kept as its type has it. */
  readonly packed?: PackedShape | undefined;
}

/** How a matrix is stored that a runner packed: `bits` says what a weight of it takes in the mean. */
export interface PackedShape {
  /** Bits of a value that is kept. */
  readonly valueBits: number;
  /** Share of the weights that are kept, and multiplied. */
  readonly density: number;
}

export type AttentionShape = DotProductAttention | LatentAttention | GatedDeltaAttention;

/** MHA, GQA and MQA: keys and values are kept themselves. */
export interface DotProductAttention {
  readonly kind: 'dot-product';
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Tokens a query sees, itself included; null sees all. */
  readonly window: number | null;
  readonly query: MatrixShape;
  readonly key: MatrixShape;
  readonly value: MatrixShape;
  readonly output: MatrixShape;
  /** Q, K and V are one matrix, and the input is read once. */
  readonly fused: boolean;
  /** Queries and keys of this layer are not turned, where positions are rotary (every fourth of SmolLM3). */
  readonly unturned?: boolean | undefined;
  /** Each head has a logit of its own in every softmax, which no value belongs to (GPT-OSS). */
  readonly sinks?: boolean | undefined;
  /**
   * What a head gives is weighed by a sigmoid of the input, whose matrix is part of the query's (Qwen3.5).
   */
  readonly gated?: boolean | undefined;
  /** Native sparse attention (arXiv 2502.11089); null for the dense kind. */
  readonly sparse: NativeSparseShape | null;
}

/** Blocks of NSA: compressed, selected and window branches, in tokens. */
export interface NativeSparseShape {
  readonly compressBlock: number;
  readonly compressStride: number;
  readonly selectBlock: number;
  readonly selectCount: number;
  readonly window: number;
}

/** Multi-head latent attention (arXiv 2405.04434): one vector a token is kept for all heads. */
export interface LatentAttention {
  readonly kind: 'latent';
  readonly heads: number;
  readonly kvRank: number;
  /** null when queries are made from the embedding directly. */
  readonly queryRank: number | null;
  readonly ropeLength: number;
  /** Elements of a head without positions, and of its value. */
  readonly headLength: number;
  readonly valueLength: number;
  /** `downQuery` is null where `queryRank` is. */
  readonly downQuery: MatrixShape | null;
  readonly upQuery: MatrixShape;
  readonly downKeyValue: MatrixShape;
  readonly upKey: MatrixShape;
  readonly upValue: MatrixShape;
  readonly output: MatrixShape;
  /** What is made of the embedding is one matrix, and the input is read once. */
  readonly fused?: boolean | undefined;
  /** What chooses the tokens that a query sees; left out = it sees all before it. */
  readonly index?: TokenIndexShape | undefined;
}

/**
 * Lightning indexer (DeepSeek-V3.2, inference/model.py): a few small heads score every token before a query,
 * and attention sees those with the highest scores. Its keys are kept beside the latents.
 */
export interface TokenIndexShape {
  readonly heads: number;
  readonly headLength: number;
  /** Tokens that a query sees at most, itself included. */
  readonly chosen: number;
  /** null where the layer takes what the one before it chose (GLM-5.2). */
  readonly matrices: TokenIndexMatrices | null;
}

export interface TokenIndexMatrices {
  /** From the queries' latents. */
  readonly query: MatrixShape;
  /** One key for all heads. */
  readonly key: MatrixShape;
  /** How much each head counts. */
  readonly weight: MatrixShape;
}

/**
 * Gated delta rule (arXiv 2412.06464): linear attention with a state of keyLength × valueLength elements for
 * each head, which does not grow with the tokens.
 */
export interface GatedDeltaAttention {
  readonly kind: 'gated-delta';
  /** Of values, and states; several share a head of keys and queries. */
  readonly heads: number;
  readonly keyHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Tokens that the short convolution over keys, queries and values sees, itself included. */
  readonly convolution: number;
  readonly stateBits: number;
  /** Queries, keys and values. */
  readonly input: MatrixShape;
  /** Of the output, element by element. */
  readonly gate: MatrixShape;
  /** Decay and rate of each head. */
  readonly control: MatrixShape;
  readonly output: MatrixShape;
  /** `input` and `gate` are one matrix. */
  readonly fused?: boolean | undefined;
}

export interface FeedForwardShape {
  /** `gated` has gate, up and down (SwiGLU, GeGLU); `plain` has up and down. */
  readonly kind: 'gated' | 'plain';
  readonly activation: ActivationFunction;
  /** Gate and up are one matrix. */
  readonly fused: boolean;
  /** null where the layer has no gate. */
  readonly gate: MatrixShape | null;
  readonly up: MatrixShape;
  readonly down: MatrixShape;
  /** With experts the matrices above are one expert's. */
  readonly experts: ExpertsShape | null;
}

/** `silu-clamped`: gate and up are cut off at a limit, and 1 is added to up (GPT-OSS). */
export const ACTIVATION_FUNCTIONS = ['silu', 'gelu', 'relu', 'silu-clamped'] as const;
export type ActivationFunction = (typeof ACTIVATION_FUNCTIONS)[number];

export interface ExpertsShape {
  readonly count: number;
  readonly usedPerToken: number;
  /** Experts that every token passes; their matrices have this width together, 0 when there are none. */
  readonly sharedWidth: number;
  /** How those are kept, where it is otherwise than the chosen ones. */
  readonly sharedStored?: Pick<MatrixShape, 'bits' | 'format'> | undefined;
  /** What the shared experts give is weighed by a sigmoid of the input (Qwen2-MoE). */
  readonly sharedGate: boolean;
  readonly router: MatrixShape;
  /** What makes weights of what the router says; left out = a softmax over all experts. */
  readonly gating?: Gating | undefined;
}

/** A sigmoid for each expert (DeepSeek V3), or a softmax over those that were chosen (GPT-OSS). */
export const GATINGS = ['softmax', 'sigmoid', 'softmax-of-chosen'] as const;
export type Gating = (typeof GATINGS)[number];

/** @returns types of the matrices of a model, where they are known. */
export function weightTypesOf({ layers, outputType }: ModelArchitecture): ReadonlySet<string> {
  const found = new Set<string>(outputType === undefined ? [] : [outputType]);
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('inputs' in value && 'type' in value && typeof value.type === 'string') found.add(value.type);
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(layers);
  return found;
}
