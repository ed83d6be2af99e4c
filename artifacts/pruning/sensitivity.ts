import { allocateBySensitivity, type SensitiveLayer } from '../../core/techniques/pruning/allocation.js';
import type { PruningEngine } from '../../core/techniques/pruning/engine.js';
import { pruneLayer } from '../../core/techniques/pruning/layer.js';
import { methodOf } from '../../core/techniques/pruning/methods/index.js';
import { OutputErrors } from '../../core/techniques/pruning/output-error.js';
import type { SparsitySpec } from '../../core/techniques/sparsity.js';
import { reached, type Walker } from './walker.js';

/**
 * Prunes every layer of the dense model on trial, each by itself at the overall ratio, and gives ratios by how much
 * its output suffers. DSnoT's initial mask stands for what DSnoT makes of it. An expert that no token reached has no output
 * that could suffer, and keeps the overall ratio.
 * @returns the ratio of each layer that tokens reached.
 */
export async function measureSensitivity(
  walker: Walker,
  { method, pattern, spread }: SparsitySpec,
  engine: PruningEngine,
): Promise<ReadonlyMap<string, number>> {
  if (pattern.kind !== 'unstructured') throw new Error('only shares are allocated');
  const layers: SensitiveLayer[] = [];
  await walker.walk('dense', true, async (seen) => {
    if (!reached(seen)) return null;
    const { name, weights, statistics, hessian } = seen;
    const trial = pruneLayer(seen, methodOf(method).firstMask(method), pattern, engine).weights;
    const { relative } = new OutputErrors(engine, weights, hessian!, statistics!).of(trial);
    layers.push({ name, rows: weights.rows, columns: weights.columns, relativeError: relative });
    return null;
  });
  return allocateBySensitivity(layers, pattern.ratio, spread);
}
