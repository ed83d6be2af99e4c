/**
 * `corrected` counts the work that a machine has to do; `llm-viewer` reproduces LLM-Viewer's numbers,
 * including its errors.
 */
export const ANALYSIS_MODES = ['corrected', 'llm-viewer'] as const;
export type AnalysisMode = (typeof ANALYSIS_MODES)[number];

/** One question to the analytic model: everything that an analysis depends on, as it was written. */
export interface AnalysisPoint {
  readonly mode: AnalysisMode;
  /** `builtin:small`, a file, a folder, `synthetic:…`, or the name of a published config. */
  readonly model: string;
  /** A name of the catalogue, or `this` for the measured roofs of this machine. */
  readonly hardware: string;
  /**
   * An engine, whose measured operators say how long they take beside what the roofs allow (`vllm`,
   * `vllm@0.24.0`); null = roofs alone.
   */
  readonly engine: string | null;
  /** Sequences that are computed together, on all devices. */
  readonly batch: number;
  /** Further sequences that decode a token in the same pass as the prefill (a mixed batch). */
  readonly decodes: number;
  /** Tokens of each sequence at the end of the prefill, and those that a decode step attends to. */
  readonly context: number;
  /** New tokens of a prefill, the last of the context; null = all of it. */
  readonly promptTokens: number | null;
  /** `native`, `w4a16`, `w8a8kv8`, or a quantization such as `q4_k_m`. */
  readonly bits: string;
  readonly flashAttention: boolean;
  /** The change of attention (`kv-heads:2`, `mqa`, `window:256`, `nsa`), or `base`. */
  readonly attention: string;
  /** How pruned weights are packed: `2:4`, `bitmap:0.5`, `csr:0.8`, or `none`. */
  readonly sparsity: string;
  /** ggml's name of the type of keys or values in the cache; null = the type that `bits` implies. */
  readonly kvCacheTypeK: string | null;
  readonly kvCacheTypeV: string | null;
  /** Rank of attached adapters; 0 = none. */
  readonly adapterRank: number;
  /** Different ones in a batch. */
  readonly adapters: number;
  /** Devices that share each matrix. */
  readonly tensorParallel: number;
  /** Stages of consecutive layers. */
  readonly pipelineParallel: number;
  /** Parts into which the batch is divided, so that stages work at the same time. */
  readonly microBatches: number;
  /** Devices that experts are spread over. */
  readonly expertParallel: number;
  /**
   * Number of different experts that a pass reads in a layer, if it was measured; null = the expectation
   * under uniform routing.
   */
  readonly distinctExperts: number | null;
  /** Share of the layers whose weights are in the memory of the host. */
  readonly offload: number;
  /** Tokens per sequence in one decode step; more than 1 when drafts are verified. */
  readonly tokensPerStep: number;
  /** A small model that proposes tokens, for speculative decoding; null = none. */
  readonly draft: string | null;
  /** Tokens that it proposes in a row. */
  readonly draftTokens: number;
  /** Chance that a proposed token is taken. */
  readonly acceptance: number;
  /** Tokens to be generated after the prefill; 0 asks for no total. */
  readonly generateTokens: number;
}

export type PointField = keyof AnalysisPoint;

/** The values of every field; all their combinations are analysed. */
export type AnalysisSpec = {
  readonly [Field in PointField]: readonly AnalysisPoint[Field][];
};

/** What has to be said. */
type Asked = 'model' | 'hardware' | 'context';

/**
 * The default of each field, in the order in which points are enumerated, where the last field changes
 * fastest; null for fields that must be given.
 */
export const POINT_DEFAULTS: Omit<AnalysisPoint, Asked> & Readonly<Record<Asked, null>> = {
  model: null,
  hardware: null,
  mode: 'corrected',
  engine: null,
  bits: 'native',
  flashAttention: true,
  attention: 'base',
  sparsity: 'none',
  kvCacheTypeK: null,
  kvCacheTypeV: null,
  adapterRank: 0,
  adapters: 1,
  tensorParallel: 1,
  pipelineParallel: 1,
  microBatches: 1,
  expertParallel: 1,
  distinctExperts: null,
  offload: 0,
  tokensPerStep: 1,
  draft: null,
  draftTokens: 4,
  acceptance: 0.8,
  batch: 1,
  decodes: 0,
  context: null,
  promptTokens: null,
  generateTokens: 0,
};
export const POINT_FIELDS = Object.keys(POINT_DEFAULTS) as readonly PointField[];

/** @returns the fields that have more than one value, in order. */
export function varyingFields(spec: AnalysisSpec): readonly PointField[] {
  return POINT_FIELDS.filter((field) => spec[field].length > 1);
}

/** @returns every combination, in order. */
export function pointsOf(spec: AnalysisSpec): AnalysisPoint[] {
  let points: Record<string, unknown>[] = [{}];
  for (const field of POINT_FIELDS) {
    points = points.flatMap((point) => spec[field].map((value) => ({ ...point, [field]: value })));
  }
  return points as unknown as AnalysisPoint[];
}

/** @returns the number of combinations, without making them. */
export function countPoints(spec: AnalysisSpec): number {
  return POINT_FIELDS.reduce((product, field) => product * spec[field].length, 1);
}
