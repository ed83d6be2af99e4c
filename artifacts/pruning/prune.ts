import { failed } from '../../core/errors.js';
import { allocationNamed } from '../../core/techniques/pruning/allocation/index.js';
import { checkNumbers, needsHessian } from '../../core/techniques/pruning/check.js';
import type { PruningEngine } from '../../core/techniques/pruning/engine.js';
import type { PruneReport } from '../../core/techniques/pruning/summary.js';
import { idleSettings, readSparsity, type SparsitySpec } from '../../core/techniques/sparsity.js';
import { requiredKernels } from '../../engines/native/kernel-library.js';
import { openPruningKernels } from '../../engines/native/kernels.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import type { ComputedOn } from '../calibration/place.js';
import type { PruneRequest } from './job.js';
import { LayerPruner } from './layer-pruner.js';
import { chosenLayers } from './linear-layers.js';
import { copyForPruning } from './pruned-file.js';
import { type OnProgress, prepareWalker, reached, type Walker } from './walker.js';

export interface Pruned {
  readonly report: PruneReport;
  readonly warnings: readonly string[];
  readonly computed: ComputedOn;
}

/**
 * Prunes a model's file: collects activations where the method needs them, prunes layer by layer, and writes
 * a copy with zeros in the types of the base. Memory: what the walk over the layers has, and three times the
 * largest layer in float32. In a child process.
 * @throws FailureError `engine-missing` without the native kernels, and as `walkLayers`, `chosenLayers` and
 *   `pruneLayer` say.
 */
export async function pruneFile(order: PruneRequest, onProgress: OnProgress): Promise<Pruned> {
  const spec = specOf(order.sparsity);
  const library = requiredKernels();
  const layers = chosenLayers(order.inputPath, readGgufHeader(order.inputPath), spec);
  const walker = await prepareWalker(order, spec, layers, onProgress);
  // llama.cpp first: it sets koffi up, which no library may be opened before.
  const engine = await openPruningKernels(library, order.threads);
  const allocated = await allocate(walker, spec, engine);
  const file = await copyForPruning(order.inputPath, order.outputPath, order.sparsity);
  const pruner = new LayerPruner({ spec, layers, engine, allocated, file });
  try {
    const hessians = spec.outputError || needsHessian(spec.method);
    await walker.walk(spec.calibration?.order ?? 'dense', hessians, (layer) => pruner.prune(layer));
  } finally {
    await file.close();
  }
  const { sequences, tokens } = walker;
  const calibration = spec.calibration && { text: spec.calibration.text, sequences, tokens };
  return {
    report: { word: order.sparsity, calibration, layers: pruner.reports },
    warnings: [...idleSettings(order.sparsity), ...walker.warnings(), ...pruner.warnings()],
    computed: await walker.computedOn(),
  };
}

function specOf(setting: string): SparsitySpec {
  const reading = readSparsity(setting);
  if (reading.ok && reading.value !== null) return reading.value;
  throw failed('impossible-combination', reading.ok ? 'sparsity none prunes nothing' : reading.message);
}

/**
 * Measures the layers of the dense model for ratios of their own. An expert that no token reached cannot be
 * measured, and keeps the overall ratio.
 * @returns the ratio of each layer that tokens reached; null where all have the overall one.
 */
async function allocate(
  walker: Walker,
  { method, pattern, allocation, spread, outlierFactor }: SparsitySpec,
  engine: PruningEngine,
): Promise<ReadonlyMap<string, number> | null> {
  const chosen = allocationNamed(allocation);
  if (chosen === null) return null;
  if (pattern.kind !== 'unstructured') throw new Error('only shares are allocated');
  const { ratio } = pattern;
  const measurement = chosen.begin({ method, ratio, spread, outlierFactor, engine });
  await walker.walk('dense', chosen.hessians, async (seen) => {
    if (!reached(seen)) return null;
    checkNumbers(seen);
    measurement.see(seen);
    return null;
  });
  return measurement.ratios();
}
