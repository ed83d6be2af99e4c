import type { SparsitySpec } from '../../../core/techniques/sparsity.js';
import { kernelsLibrary } from '../../native/kernel-library.js';
import { digestOf } from '../digest.js';
import type { ModelSettings } from '../resolve.js';
import type { Step } from '../step.js';
import { locateText } from '../text.js';

/**
 * @param word as the experiment has it.
 * @param engine the release whose activations calibrate.
 * @returns the step that prunes. @throws FailureError `source-not-allowed`, `model-missing` for its text.
 */
export async function pruneStep(
  word: string,
  { calibration }: SparsitySpec,
  engine: string,
  models: ModelSettings,
): Promise<Step> {
  const textPath = calibration === null ? null : locateText(calibration.text, models);
  // Sums are added in another order by portable code, which can turn the last bit of a statistic.
  const kernels = kernelsLibrary() === null ? 'portable' : 'native';
  return {
    recipe: `prune(${word})`,
    ingredients:
      textPath === null ? {} : { engine, kernels, text: await digestOf(textPath, models.cacheFolder) },
    // The same types: zeros take as much room as what they replace.
    bytes: (inputBytes) => inputBytes,
    async orderFor(inputPath, _digest, { cpus }) {
      const threads = Math.max(1, cpus.length);
      return (outputPath) => ({ order: 'prune', inputPath, outputPath, sparsity: word, textPath, threads });
    },
  };
}
