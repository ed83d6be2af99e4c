import { checkLayer } from './check.js';
import { dsnot, type Exchange } from './dsnot/dsnot.js';
import type { DsnotSettings } from './dsnot/settings.js';
import { type Hessian, inverseFactor } from './hessian.js';
import { applyMask, type Mask } from './mask.js';
import { copyOf, type Matrix } from './matrix.js';
import type { Pattern } from './pattern.js';
import { type LayerReport, layerReport } from './report.js';
import { magnitude, optimalBrainSurgeon, wanda } from './scores.js';
import { selectByRow, selectByThreshold } from './selection.js';
import { BLOCK_COLUMNS, DAMPING, sparseGpt } from './sparsegpt.js';
import type { ChannelStatistics } from './statistics.js';

/** What chooses the first mask of an exchange. */
export type InitialMask = 'magnitude' | 'wanda' | 'sparsegpt';

export interface SparseGptSettings {
  /** Columns pruned before the rest is updated; default 128. */
  readonly blockColumns?: number;
  /** Share of the mean diagonal added to the Hessian; default 0.01. */
  readonly damping?: number;
}

/** How the weights to prune are chosen. */
export type PruningMethod =
  | {
      readonly kind: 'magnitude' /** One threshold for the matrix, or the least of each row. */;
      readonly scope: 'matrix' | 'row';
    }
  | { readonly kind: 'wanda' }
  | ({ readonly kind: 'sparsegpt' } & SparseGptSettings)
  | {
      readonly kind: 'dsnot';
      readonly initial: InitialMask;
      readonly settings: DsnotSettings;
      readonly damping?: number;
    };

export interface Layer {
  /** Named in errors. */
  readonly name: string;
  readonly weights: Matrix;
  /** Needed by Wanda and DSnoT; adds errors to the report of the others. */
  readonly statistics: ChannelStatistics | null;
  /** Needed by SparseGPT and by DSnoT that starts from it. */
  readonly hessian: Hessian | null;
}

export interface PrunedLayer {
  /** Zero where pruned. */
  readonly weights: Matrix;
  readonly mask: Mask;
  readonly report: LayerReport;
  /** What DSnoT did; null for other methods. */
  readonly exchange: Exchange | null;
}

/**
 * Prunes one layer. The given weights are not changed.
 * @throws FailureError `impossible-combination` for a pattern, settings or missing calibration that cannot work,
 * `model-unsupported` for weights or statistics that are not finite or do not fit the layer, `artifact-failed` for a
 * Hessian that cannot be inverted.
 */
export function pruneLayer(layer: Layer, method: PruningMethod, pattern: Pattern): PrunedLayer {
  checkLayer(layer, method, pattern);
  const { weights, statistics } = layer;
  const exchange = method.kind === 'dsnot' ? exchangeLayer(layer, method, pattern) : null;
  const { mask, pruned } = chooseMask(layer, method, pattern, exchange);
  const report = layerReport(weights, pruned, exchange?.initialMask ?? mask, mask, statistics);
  return { weights: pruned, mask, report, exchange };
}

function chooseMask(
  layer: Layer,
  method: PruningMethod,
  pattern: Pattern,
  exchange: Exchange | null,
): { mask: Mask; pruned: Matrix } {
  const { weights } = layer;
  if (method.kind === 'sparsegpt') {
    const factor = inverseFactor(layer.hessian!, method.damping ?? DAMPING);
    const result = sparseGpt(weights, factor, pattern, method.blockColumns ?? BLOCK_COLUMNS);
    return { mask: result.mask, pruned: result.weights };
  }
  const mask = exchange?.mask ?? plainMask(layer, method, pattern);
  const pruned = copyOf(weights);
  applyMask(pruned, mask);
  return { mask, pruned };
}

function plainMask(layer: Layer, method: PruningMethod, pattern: Pattern): Mask {
  if (method.kind === 'wanda') return selectByRow(layer.weights, wanda(layer.statistics!), pattern);
  return method.kind === 'magnitude' && method.scope === 'matrix' && pattern.kind === 'unstructured'
    ? selectByThreshold(layer.weights, pattern.ratio)
    : selectByRow(layer.weights, magnitude, pattern);
}

function exchangeLayer(layer: Layer, method: PruningMethod & { kind: 'dsnot' }, pattern: Pattern): Exchange {
  const score =
    method.initial === 'wanda'
      ? null
      : method.initial === 'magnitude'
        ? magnitude
        : optimalBrainSurgeon(inverseFactor(layer.hessian!, method.damping ?? DAMPING));
  return dsnot(layer.weights, layer.statistics!, score, pattern, method.settings);
}
