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
  | StreamCall;

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
  readonly limit: 'memory' | 'compute' | 'link' | 'launch';
  /** Standard deviation of ln(predicted / measured) on shapes that the fit had not seen. */
  readonly spread: number;
  /** Why the spread is wider than of the call's own table; null where it is its own. */
  readonly widened: string | null;
}

/** No table tells: never replaced in silence. */
export interface UntimedCall {
  readonly seconds: null;
  /** One clause: `no table of MLA in int8`. */
  readonly reason: string;
}
