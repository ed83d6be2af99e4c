import { checkLayer } from './check.js';
import type { Exchange } from './dsnot/dsnot.js';
import type { DsnotSettings } from './dsnot/settings.js';
import { PORTABLE, type PruningEngine } from './engine.js';
import type { Hessian } from './hessian.js';
import { applyMask, type Mask } from './mask.js';
import { copyOf, type Matrix } from './matrix.js';
import type { Pattern } from './pattern.js';
import { type LayerReport, layerReport } from './report.js';
import { optimalBrainSurgeon, type Score, wanda } from './scores.js';
import { selectByThreshold } from './selection.js';
import { BLOCK_COLUMNS, DAMPING } from './sparsegpt.js';
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
  /** Time that choosing the mask and updating weights took, by the clock given; checks and report are left out. */
  readonly maskSeconds: number;
}

/**
 * Prunes one layer. The given weights are not changed.
 * @throws FailureError `impossible-combination` for a pattern, settings or missing calibration that cannot work,
 * `model-unsupported` for weights or statistics that are not finite or do not fit the layer, `artifact-failed` for a
 * Hessian that cannot be inverted.
 * @param now a clock in seconds; without one no time is taken.
 */
export function pruneLayer(
  layer: Layer,
  method: PruningMethod,
  pattern: Pattern,
  engine: PruningEngine = PORTABLE,
  now: () => number = () => 0,
): PrunedLayer {
  checkLayer(layer, method, pattern);
  const began = now();
  const { mask, weights, exchange } = choose(layer, method, pattern, engine);
  const maskSeconds = now() - began;
  const report = layerReport(layer.weights, weights, exchange?.initialMask ?? mask, mask, layer.statistics);
  return { weights, mask, report, exchange, maskSeconds };
}

type Choice = Omit<PrunedLayer, 'report' | 'maskSeconds'>;

function choose(layer: Layer, method: PruningMethod, pattern: Pattern, engine: PruningEngine): Choice {
  const { weights } = layer;
  switch (method.kind) {
    case 'magnitude':
      return masked(
        weights,
        method.scope === 'matrix' && pattern.kind === 'unstructured'
          ? selectByThreshold(weights, pattern.ratio)
          : engine.selectByRow(weights, { kind: 'magnitude' }, pattern),
      );
    case 'wanda':
      return masked(weights, engine.selectByRow(weights, wanda(layer.statistics!), pattern));
    case 'sparsegpt': {
      const factor = engine.inverseFactor(layer.hessian!, method.damping ?? DAMPING);
      const block = method.blockColumns ?? BLOCK_COLUMNS;
      return { ...engine.sparseGpt(weights, factor, pattern, block), exchange: null };
    }
    case 'dsnot': {
      const score = initialScore(layer, method, engine);
      const exchange = engine.dsnot(weights, layer.statistics!, score, pattern, method.settings);
      return masked(weights, exchange.mask, exchange);
    }
  }
}

function masked(weights: Matrix, mask: Mask, exchange: Exchange | null = null): Choice {
  const pruned = copyOf(weights);
  applyMask(pruned, mask);
  return { weights: pruned, mask, exchange };
}

function initialScore(layer: Layer, method: PruningMethod & { kind: 'dsnot' }, engine: PruningEngine): Score {
  if (method.initial === 'magnitude') return { kind: 'magnitude' };
  if (method.initial === 'wanda') return wanda(layer.statistics!);
  return optimalBrainSurgeon(engine.inverseFactor(layer.hessian!, method.damping ?? DAMPING));
}
