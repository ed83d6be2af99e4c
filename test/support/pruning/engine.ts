import type { PruningEngine } from '../../../core/techniques/pruning/engine.js';
import {
  type Layer,
  type PrunedLayer,
  type PruningMethod,
  pruneLayer,
} from '../../../core/techniques/pruning/layer.js';
import type { Pattern } from '../../../core/techniques/pruning/pattern.js';
import { dsnot } from './dsnot/dsnot.js';
import { inverseFactor } from './hessian.js';
import { squaredOutput } from './output-error.js';
import { selectByRow } from './selection.js';
import { sparseGpt } from './sparsegpt.js';
import { swaps } from './swaps.js';

/**
 * One thread, no native code: what the native kernels are held against, itself held against the published
 * masks.
 */
export const REFERENCE: PruningEngine = {
  selectByRow,
  dsnot,
  inverseFactor,
  sparseGpt,
  squaredOutput,
  swaps,
};

/** As `pruneLayer`, by the reference. */
export function pruneByReference(layer: Layer, method: PruningMethod, pattern: Pattern): PrunedLayer {
  return pruneLayer(layer, method, pattern, REFERENCE);
}
