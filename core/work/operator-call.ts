/**
 * One call of an operator on one device, by what its time depends on there. Tables of measured operators are
 * indexed by these; sizes are of the device's own share, after tensor and expert parallelism.
 */
export type OperatorCall =
  | ProductCall
  | AttentionCall
  | ExpertsCall
  | CollectiveCall
  | QuantizeCall
  | StreamCall
  | LatentCall
  | HeadProductCall
  | LatentLayerCall
  | LinearAttentionCall;

/**
 * How a state of linear attention follows from the one before: gated delta rule (arXiv 2412.06464), the same
 * with a decay for each channel (Kimi Linear, arXiv 2510.26692), Mamba-2 (arXiv 2405.21060).
 */
const LINEAR_RULES = ['gated-delta', 'kimi-delta', 'mamba-2'] as const;
export type LinearRule = (typeof LINEAR_RULES)[number];

/** How the numbers of a product are kept and multiplied: weights, and what they meet. */
export const NUMBER_FORMATS = [
  'bf16',
  'fp8',
  'fp8-block',
  'nvfp4',
  'mxfp4',
  'mxfp4-mxfp8',
  'int8',
  'int4',
] as const;
export type NumberFormat = (typeof NUMBER_FORMATS)[number];

/** y = W x for so many rows: of a projection, all of its parts that an engine multiplies at once. */
export interface ProductCall {
  readonly family: 'product';
  readonly format: NumberFormat;
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** Scores and sums of one layer, without projections. */
export interface AttentionCall {
  readonly family: 'attention';
  readonly phase: 'prefill' | 'decode';
  readonly format: NumberFormat;
  readonly cacheFormat: NumberFormat;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headLength: number;
  /** Tokens a query sees, itself included; null = all. */
  readonly window: number | null;
  readonly sequences: number;
  /** Of each sequence: computed in this call, and in the cache before it. */
  readonly newTokens: number;
  readonly cachedTokens: number;
}

/** The routed experts of one layer, without the router and the shared ones. */
export interface ExpertsCall {
  readonly family: 'experts';
  readonly format: NumberFormat;
  /** That meet at this group of devices. */
  readonly tokens: number;
  readonly embedding: number;
  /** Of a whole expert, before it is cut. */
  readonly width: number;
  readonly used: number;
  readonly count: number;
  /** Devices that cut each expert, and that experts are spread over. */
  readonly tensor: number;
  readonly expert: number;
}

export interface CollectiveCall {
  readonly family: 'collective';
  readonly operation: 'all-reduce' | 'all-gather' | 'reduce-scatter' | 'all-to-all' | 'send';
  readonly devices: number;
  /** Of the whole message; 16 bits each unless said otherwise. */
  readonly elements: number;
}

/** Scaling activations down to the format of a product, where a kernel of its own does that. */
export interface QuantizeCall {
  readonly family: 'quantize';
  readonly format: NumberFormat;
  readonly rows: number;
  readonly inputs: number;
}

/** Norms, activations, positions, stores: bytes that pass through once. */
export interface StreamCall {
  readonly family: 'stream';
  readonly bytes: number;
}

/** Sizes of multi-head latent attention that are the same on every device. */
export interface LatentSizes {
  readonly kvRank: number;
  readonly ropeLength: number;
  /** Elements of a head without positions, and of its value. */
  readonly headLength: number;
  readonly valueLength: number;
}

/**
 * Scores and sums of one layer of latent attention, without projections: what goes into the space of the
 * latents and comes out of it are calls of their own (HeadProductCall where `way` is `absorbed`, a
 * ProductCall with the up-projection where it is `naive`).
 */
export interface LatentCall extends LatentSizes {
  readonly family: 'latent';
  readonly phase: 'prefill' | 'decode';
  /**
   * `absorbed`: queries of kvRank + ropeLength elements meet one latent for all heads; `naive`: each head has
   * keys of headLength + ropeLength elements, and values.
   */
  readonly way: 'absorbed' | 'naive';
  readonly format: NumberFormat;
  readonly cacheFormat: NumberFormat;
  /** Of this device. */
  readonly heads: number;
  readonly sequences: number;
  /** Of each sequence: computed in this call, and in the cache before it. */
  readonly newTokens: number;
  readonly cachedTokens: number;
}

/** y = W x with a small matrix for each head, all heads at once: into the space of latents, or out of it. */
export interface HeadProductCall {
  readonly family: 'head-product';
  readonly format: NumberFormat;
  readonly heads: number;
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * All that one layer of latent attention does, in whichever way the engine does it: every projection with the
 * output matrix, norms of the latents, positions, the cache, scores and sums, and, where there is an index,
 * its projections, scores and the choice of tokens. Without the norm before it and the collective behind it.
 */
export interface LatentLayerCall extends LatentSizes {
  readonly family: 'latent-layer';
  readonly phase: 'prefill' | 'decode';
  /** Of its matrices. */
  readonly format: NumberFormat;
  readonly cacheFormat: NumberFormat;
  readonly embedding: number;
  /** null where queries are made from the embedding directly. */
  readonly queryRank: number | null;
  /** Of this device. */
  readonly heads: number;
  /** null where every query sees all tokens before it. */
  readonly index: TokenIndex | null;
  readonly sequences: number;
  readonly newTokens: number;
  readonly cachedTokens: number;
}

/** What chooses the tokens that a query sees (lightning indexer of DeepSeek-V3.2). */
export interface TokenIndex {
  /** On every device the whole of them. */
  readonly heads: number;
  readonly headLength: number;
  /** Tokens that a query sees at most. */
  readonly chosen: number;
  /** false where the layer takes what the one before it chose. */
  readonly computed: boolean;
}

/**
 * One of the two kernels of a layer of linear attention, without projections, gates and norms; its state is
 * read and written once a call for each sequence.
 */
export interface LinearAttentionCall {
  readonly family: 'linear-attention';
  readonly rule: LinearRule;
  /** The short convolution over keys, queries and values; or the rule itself over the state. */
  readonly kernel: 'convolution' | 'recurrence';
  readonly phase: 'prefill' | 'decode';
  /** Of this device. Of Mamba-2 groups and their states count as heads of keys, heads as heads of values. */
  readonly keyHeads: number;
  readonly valueHeads: number;
  readonly keyLength: number;
  readonly valueLength: number;
  /** Tokens that the convolution sees. */
  readonly convolution: number;
  readonly sequences: number;
  readonly newTokens: number;
}

/** How long calls take on a device under an engine, from measurements. */
export interface OperatorTimes {
  /** Whose these are, as tables and pages say it: `tables of vLLM 0.24.0 on H100 SXM`. */
  readonly source: string;
  timeOf(call: OperatorCall): OperatorTime | UntimedCall;
}

export interface OperatorTime {
  readonly seconds: number;
  /** The same work at the device's published roofs, and which of them binds. */
  readonly roofSeconds: number;
  /** What memory and arithmetic take of it there, each for itself. */
  readonly roofs: RoofSeconds;
  readonly limit: 'memory' | 'compute' | 'link' | 'launch';
  /** Standard deviation of ln(predicted / measured) on shapes that the fit had not seen. */
  readonly spread: number;
  /** Why the spread is wider than of the call's own table; null where it is its own. */
  readonly widened: string | null;
}

/** Seconds that work takes of a device's memory and of its arithmetic, at their published roofs. */
export interface RoofSeconds {
  readonly memory: number;
  readonly compute: number;
}

/** No table tells: never replaced in silence. */
export interface UntimedCall {
  readonly seconds: null;
  /** One clause: `no table of MLA in int8`. */
  readonly reason: string;
}
