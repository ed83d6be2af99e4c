import { failed } from '../../../core/errors.js';
import { placeOf } from '../../../roofline/profile/nodes.js';
import { measuringLibrary } from '../../native/kernel-library.js';
import { loadLlama } from '../../native/llama.js';
import { openProfiler } from '../../native/profiler.js';
import type { ProfiledGenerator } from '../opened.js';
import type { GeneratorRequest } from '../runner.js';
import { type ForLlama, loadWithEviction } from './load.js';

/**
 * Opens a model in a context that stamps every node of its graphs while it is watched.
 * @throws FailureError as `loadWithEviction` does; `engine-missing` without our native library.
 */
export async function openProfiled(request: ForLlama<GeneratorRequest>): Promise<ProfiledGenerator> {
  const library = measuringLibrary();
  if (library === null) {
    throw failed(
      'engine-missing',
      'profiling needs our native library, which was not built here',
      'build it with node scripts/build-kernels.mjs',
    );
  }
  const { cpuBackend } = request.options;
  // The engine first: it has to be opened before any other library is.
  await loadLlama({ backend: cpuBackend, deviceClass: request.deviceClass });
  const profiler = await openProfiler(library);
  try {
    const model = await loadWithEviction(request, profiler);
    return {
      facts: model.facts,
      warnings: model.warnings,
      reset: (keepTokens) => model.reset(keepTokens),
      prefill: (tokens) => model.prefill(tokens),
      steps: (tokens) => model.steps(tokens),
      watch: profiler.watch,
      take() {
        const nodes = profiler.take();
        return () =>
          nodes.map(({ node, calls, seconds }) => ({ ...placeOf(node), op: node.op, calls, seconds }));
      },
      close() {
        model.close();
        profiler.close();
      },
    };
  } catch (error) {
    profiler.close();
    throw error;
  }
}
