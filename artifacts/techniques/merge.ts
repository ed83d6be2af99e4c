import type { AdapterPart } from '../../core/techniques/adapter.js';
import { taskOf } from '../../process/isolation/job.js';
import { MERGE_ADAPTERS } from '../adapters/jobs.js';
import { type LocatedAdapter, locateAdapter } from '../adapters/source.js';
import type { ModelSettings } from '../files/resolve.js';
import { type Step, threadsIn } from '../files/step.js';

/** Changes whenever the same adapters would be merged into other bytes. */
const MERGER = '1';

/**
 * @returns the step that adds adapters to the weights, one after the other.
 * @param modelName what the model is called in sentences.
 * @throws FailureError `source-not-allowed`, `model-missing` for an adapter that is not here.
 */
export async function mergeStep(
  parts: readonly AdapterPart[],
  modelName: string,
  settings: ModelSettings,
): Promise<Step & { readonly adapters: readonly (LocatedAdapter & AdapterPart)[] }> {
  const adapters = await Promise.all(
    parts.map(async ({ source, scale }) => ({ ...(await locateAdapter(source, settings)), scale })),
  );
  const setting = parts.map(({ source, scale }) => (scale === 1 ? source : `${source}*${scale}`)).join('+');
  const digests = adapters.map(({ digest, scale }) => `${digest}*${scale}`);
  return {
    recipe: `merge(${setting})`,
    ingredients: { adapters: digests.join('+'), merger: MERGER },
    adapters,
    async taskFor(inputPath, _digest, context) {
      const request = { inputPath, inputName: modelName, adapters, threads: threadsIn(context) };
      return (outputPath) => taskOf(MERGE_ADAPTERS, { ...request, outputPath });
    },
  };
}
