import { failed } from '../../core/errors.js';
import { needsHessian } from '../../core/techniques/pruning/check.js';
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
import { measureSensitivity } from './sensitivity.js';
import { type OnProgress, Walker } from './walker.js';

export interface Pruned {
  readonly report: PruneReport;
  readonly warnings: readonly string[];
  readonly computed: ComputedOn;
}

/**
 * Prunes a model's file: collects activations where the method needs them, prunes layer by layer, and writes a copy
 * with zeros in the types of the base. Memory: what the walk over the layers has, and three times the largest layer
 * in float32. In a child process.
 * @throws FailureError `engine-missing` without the native kernels, and as `walkLayers`, `chosenLayers` and `pruneLayer` say.
 */
export async function pruneFile(order: PruneRequest, onProgress: OnProgress): Promise<Pruned> {
  const spec = specOf(order.sparsity);
  const library = requiredKernels();
  const layers = chosenLayers(order.inputPath, readGgufHeader(order.inputPath), spec);
  const walker = await Walker.prepare(order, spec, layers, onProgress);
  // llama.cpp first: it sets koffi up, which no library may be opened before.
  const engine = await openPruningKernels(library, order.threads);
  const allocated = spec.allocation === 'sensitivity' ? await measureSensitivity(walker, spec, engine) : null;
  const file = await copyForPruning(order.inputPath, order.outputPath, order.sparsity);
  const pruner = new LayerPruner({ spec, layers, engine, allocated, file });
  try {
    await walker.walk(
      spec.calibration?.order ?? 'dense',
      spec.outputError || needsHessian(spec.method),
      (layer) => pruner.prune(layer),
    );
  } finally {
    await file.close();
  }
  const { calibration } = spec;
  return {
    report: {
      word: order.sparsity,
      calibration:
        calibration === null
          ? null
          : { text: calibration.text, sequences: walker.sequences, tokens: walker.tokens },
      layers: pruner.reports,
    },
    warnings: [...walker.warnings(), ...pruner.warnings()],
    computed: await walker.computedOn(),
  };
}

function specOf(word: string): SparsitySpec {
  const reading = readSparsity(word);
  if (reading.ok && reading.value !== null) return reading.value;
  const message = reading.ok ? 'sparsity none prunes nothing' : reading.message;
  throw failed('impossible-combination', message);
}
