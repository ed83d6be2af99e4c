/** `corrected` counts what is asked of a machine; `llm-viewer` gives LLM-Viewer's numbers, its errors included. */
export const ANALYSIS_MODES = ['corrected', 'llm-viewer'] as const;
export type AnalysisMode = (typeof ANALYSIS_MODES)[number];

/** One question to the analytic model: everything that an analysis depends on, as it was written. */
export interface AnalysisPoint {
  readonly mode: AnalysisMode;
  /** `builtin:small`, a file, a folder, `synthetic:…`, or the name of a published config. */
  readonly model: string;
  /** A name of the catalogue, or `this` for the measured roofs of this machine. */
  readonly hardware: string;
  /** Sequences that are computed together. */
  readonly batch: number;
  /** Tokens of each sequence at the end of the prefill, and those that a decode step attends to. */
  readonly context: number;
  /** New tokens of a prefill, the last of the context; null = all of it. */
  readonly promptTokens: number | null;
  /** `native`, `w4a16`, `w8a8kv8`, or a quantization such as `q4_k_m`. */
  readonly bits: string;
  readonly flashAttention: boolean;
  /** Devices that share each matrix. */
  readonly tensorParallel: number;
  /** Tokens that one decode step computes of each sequence: above 1 when drafts are verified. */
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

/** Every value of every field; their product is what is analysed. */
export type AnalysisSpec = {
  readonly [Field in PointField]: readonly AnalysisPoint[Field][];
};

/** What a field is when nothing is said of it; model, hardware and context have to be said. */
export const POINT_DEFAULTS: Omit<AnalysisPoint, 'model' | 'hardware' | 'context'> = {
  mode: 'corrected',
  batch: 1,
  promptTokens: null,
  bits: 'native',
  flashAttention: true,
  tensorParallel: 1,
  tokensPerStep: 1,
  draft: null,
  draftTokens: 4,
  acceptance: 0.8,
  generateTokens: 0,
};

/** In the order in which points are enumerated: the last changes fastest. */
export const POINT_FIELDS: readonly PointField[] = [
  'model',
  'hardware',
  'mode',
  'bits',
  'flashAttention',
  'tensorParallel',
  'tokensPerStep',
  'draft',
  'draftTokens',
  'acceptance',
  'batch',
  'context',
  'promptTokens',
  'generateTokens',
];

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

/** @returns how many there are, without making them. */
export function countPoints(spec: AnalysisSpec): number {
  return POINT_FIELDS.reduce((product, field) => product * spec[field].length, 1);
}
