import { checkLayer } from './check.js';
import type { Exchange } from './dsnot/exchange.js';
import type { PruningEngine } from './engine.js';
import type { Hessian } from './hessian.js';
import type { Mask } from './mask.js';
import type { Matrix } from './matrix.js';
import { methodOf, type PruningMethod } from './methods/index.js';
import type { Pattern } from './pattern.js';
import type { Refinement } from './refinement.js';
import { type LayerReport, layerReport } from './report.js';
import type { ChannelStatistics } from './statistics.js';

export type { PruningMethod } from './methods/index.js';

export interface Layer {
  /** Named in errors. */
  readonly name: string;
  readonly weights: Matrix;
  /** Needed by Wanda and DSnoT; adds errors to the report of the others. */
  readonly statistics: ChannelStatistics | null;
  /** Needed by SparseGPT, by DSnoT that starts from it, and by swaps. */
  readonly hessian: Hessian | null;
}

export interface PrunedLayer {
  /** Zero where pruned. */
  readonly weights: Matrix;
  readonly mask: Mask;
  readonly report: LayerReport;
  /** What DSnoT did; null for other methods. */
  readonly exchange: Exchange | null;
  /** What swaps did after it; null without them. */
  readonly refinement: Refinement | null;
  /**
   * Time that choosing the mask and updating weights took, by the clock given; checks and report are left
   * out.
   */
  readonly maskSeconds: number;
}

/**
 * Prunes one layer. The given weights are not changed.
 * @throws FailureError `impossible-combination` for a pattern, settings or missing calibration that cannot
 *   work, `model-unsupported` for weights or statistics that are not finite or do not fit the layer,
 *   `artifact-failed` for a Hessian that cannot be inverted.
 * @param now a clock in seconds; without one no time is taken.
 */
export function pruneLayer(
  layer: Layer,
  method: PruningMethod,
  pattern: Pattern,
  engine: PruningEngine,
  now: () => number = () => 0,
): PrunedLayer {
  checkLayer(layer, method, pattern);
  const began = now();
  const choice = methodOf(method).choose(layer, method, pattern, engine);
  const maskSeconds = now() - began;
  const { mask, weights, exchange, refinement } = choice;
  const initialMask = exchange?.initialMask ?? refinement?.initialMask ?? mask;
  const report = layerReport(layer.weights, weights, initialMask, mask, layer.statistics);
  return { ...choice, report, maskSeconds };
}

/** What a method made of a layer. */
export type Choice = Omit<PrunedLayer, 'report' | 'maskSeconds'>;
