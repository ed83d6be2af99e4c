/**
 * What LLM-Viewer knows of a model (github hahnyuan/LLM-Viewer, commit 1893e4b5, `configs/`): six numbers,
 * whether the feed-forward block has a gate, and which norms a layer has. Heads are always `hidden / heads`
 * wide there.
 */
export interface LlmViewerModel {
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly layers: number;
  readonly vocabulary: number;
  readonly gate: boolean;
  readonly norms: readonly string[];
}
