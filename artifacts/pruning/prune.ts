import { failed } from '../../core/errors.js';
import { allocateBySensitivity, type SensitiveLayer } from '../../core/techniques/pruning/allocation.js';
import { needsHessian } from '../../core/techniques/pruning/check.js';
import type { PruningEngine } from '../../core/techniques/pruning/engine.js';
import { pruneLayer } from '../../core/techniques/pruning/layer.js';
import { methodOf } from '../../core/techniques/pruning/methods/index.js';
import { OutputErrors } from '../../core/techniques/pruning/output-error.js';
import type { PruneReport } from '../../core/techniques/pruning/summary.js';
import { readSparsity, type SparsitySpec } from '../../core/techniques/sparsity.js';
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
  const allocated = spec.allocation === 'sensitivity' ? await measureSensitivity(walker, spec, engine) : null;
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
    warnings: [...walker.warnings(), ...pruner.warnings()],
    computed: await walker.computedOn(),
  };
}

function specOf(setting: string): SparsitySpec {
  const reading = readSparsity(setting);
  if (reading.ok && reading.value !== null) return reading.value;
  throw failed('impossible-combination', reading.ok ? 'sparsity none prunes nothing' : reading.message);
}

/**
 * Prunes every layer of the dense model on trial, each by itself at the overall ratio, and gives ratios by
 * how much its output suffers. DSnoT's initial mask stands for what DSnoT makes of it. An expert that no
 * token reached has no output that could suffer, and keeps the overall ratio.
 * @returns the ratio of each layer that tokens reached.
 */
async function measureSensitivity(
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
    const { relative } = new OutputErrors(engine, weights, hessian!, statistics!).errorOf(trial);
    layers.push({ name, rows: weights.rows, columns: weights.columns, relativeError: relative });
    return null;
  });
  return allocateBySensitivity(layers, pattern.ratio, spread);
}
