import type { AdapterPart } from '../../core/techniques/adapter.js';
import { taskOf } from '../../process/isolation/job.js';
import { MERGE_ADAPTERS } from '../adapters/jobs.js';
import { locateAdapter } from '../adapters/source.js';
import type { ModelSettings } from '../files/resolve.js';
import type { Step } from '../files/step.js';

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
): Promise<Step> {
  const located = await Promise.all(parts.map(({ source }) => locateAdapter(source, settings)));
  const setting = parts.map(({ source, scale }) => (scale === 1 ? source : `${source}*${scale}`)).join('+');
  const digests = located.map(({ digest }, i) => `${digest}*${parts[i]!.scale}`);
  return {
    recipe: `merge(${setting})`,
    ingredients: { adapters: digests.join('+'), merger: MERGER },
    async taskFor(inputPath, _digest, { cpus }) {
      const adapters = located.map(({ source, place }, i) => ({ source, place, scale: parts[i]!.scale }));
      const threads = Math.max(1, cpus.length);
      const request = { inputPath, inputName: modelName, adapters, threads };
      return (outputPath) => taskOf(MERGE_ADAPTERS, { ...request, outputPath });
    },
  };
}
