import { needsHessian } from '../../core/techniques/pruning/check.js';
import type { SparsitySpec } from '../../core/techniques/sparsity.js';
import { requiredKernels } from '../../engines/native/kernel-library.js';
import type { ObservedPlace } from '../../engines/runners/observer.js';
import { digestOf } from '../../process/digest.js';
import { taskOf } from '../../process/isolation/job.js';
import { statisticsFor } from '../calibration/store.js';
import type { ModelSettings } from '../files/resolve.js';
import { type Step, threadsIn } from '../files/step.js';
import { locateText } from '../files/text.js';
import { PRUNE } from '../pruning/job.js';

/**
 * @param setting as the experiment has it.
 * @param engine the release whose activations calibrate.
 * @param place where it calibrates.
 * @returns the step that prunes.
 * @throws FailureError `source-not-allowed`, `model-missing` for its text, `engine-missing` without the
 *   native kernels.
 */
export async function pruneStep(
  setting: string,
  spec: SparsitySpec,
  engine: string,
  models: ModelSettings,
  place: ObservedPlace,
): Promise<Step> {
  requiredKernels();
  const { calibration } = spec;
  const textPath = calibration === null ? null : locateText(calibration.text, models);
  return {
    recipe: `prune(${setting})`,
    ingredients: textPath === null ? {} : { engine, text: await digestOf(textPath, models.cacheFolder) },
    async taskFor(inputPath, digest, context) {
      const threads = threadsIn(context);
      const request = { inputPath, sparsity: setting, textPath, threads };
      if (calibration === null || textPath === null || !bySavedStatistics(spec))
        return (outputPath) => taskOf(PRUNE, { ...request, outputPath, place });
      const { text, sequences, tokens, seed } = calibration;
      const of = { modelPath: inputPath, modelDigest: digest, textPath, textName: text, engine };
      const { cacheFolder } = models;
      const cut = { windows: { scheme: 'random', seed }, sequences, tokens, cacheFolder } as const;
      const { path: statisticsPath } = await statisticsFor({ ...of, ...cut }, { ...context, place });
      return (outputPath) => taskOf(PRUNE, { ...request, outputPath, statisticsPath });
    },
  };
}

/**
 * Whether statistics of the dense model are all that it takes: one calibration then serves every such
 * pruning.
 */
function bySavedStatistics({ calibration, method, outputError, allocation }: SparsitySpec): boolean {
  const dense = calibration?.order === 'dense' && allocation === 'uniform';
  return dense && !outputError && !needsHessian(method);
}
