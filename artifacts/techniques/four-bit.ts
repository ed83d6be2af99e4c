import type { FourBitSpec } from '../../core/techniques/four-bit/spec.js';
import { requiredKernels } from '../../engines/native/kernel-library.js';
import type { ObservedPlace } from '../../engines/runners/observer.js';
import { digestOf } from '../../process/digest.js';
import { taskOf } from '../../process/isolation/job.js';
import type { ModelSettings } from '../files/resolve.js';
import { type Step, threadsIn } from '../files/step.js';
import { locateText } from '../files/text.js';
import { QUANTIZE_FOUR_BIT } from '../four-bit/job.js';

/** Changes whenever the same file would be quantized into other bytes. */
const QUANTIZER = '1';

/**
 * @param setting as the experiment has it.
 * @param engine the release whose activations calibrate.
 * @param place where it calibrates.
 * @returns the step that quantizes linear layers to four bits.
 * @throws FailureError `source-not-allowed`, `model-missing` for its text, `engine-missing` without the
 *   native kernels.
 */
export async function fourBitStep(
  setting: string,
  { gptq }: FourBitSpec,
  engine: string,
  models: ModelSettings,
  place: ObservedPlace,
): Promise<Step> {
  requiredKernels();
  const textPath = gptq === null ? null : locateText(gptq.calibration.text, models);
  const calibrated = textPath === null ? {} : { engine, text: await digestOf(textPath, models.cacheFolder) };
  return {
    recipe: `quantize(${setting})`,
    ingredients: { quantizer: QUANTIZER, ...calibrated },
    taskFor: async (inputPath, _digest, context) => (outputPath) =>
      taskOf(QUANTIZE_FOUR_BIT, {
        inputPath,
        outputPath,
        quantization: setting,
        textPath,
        threads: threadsIn(context),
        place,
      }),
  };
}
