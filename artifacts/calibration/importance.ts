import type { CalibrationSpec } from '../../core/techniques/calibration-spec.js';
import { requiredKernels } from '../../engines/native/kernel-library.js';
import { type ObservedPlace, ON_CPU } from '../../engines/runners/observer.js';
import { digestOf } from '../../process/digest.js';
import type { ModelSettings } from '../files/resolve.js';
import type { StepContext } from '../files/step.js';
import { locateText } from '../files/text.js';
import { importanceMatrixFor } from './store.js';

/** How an importance matrix is got ready for a quantization. */
export interface PreparedImportance {
  /** All that its numbers follow from beside the model. */
  readonly ingredients: Readonly<Record<string, string>>;
  /** How the quantized file calls it: the text's name, the same on every node. */
  readonly name: string;
  /** @returns the matrix's file, made in a child unless it is there. @throws FailureError */
  prepare(inputPath: string, inputDigest: string, context: StepContext): Promise<string>;
}

/**
 * The importance matrix of a quantization's spec. It is llama-imatrix's on the same text (-c tokens, --chunks
 * sequences).
 * @param place where the model is run for it.
 * @throws FailureError `source-not-allowed`, `model-missing` when the text is not there, `engine-missing`
 * without the native kernels.
 */
export async function importanceFor(
  spec: CalibrationSpec,
  engine: string,
  settings: ModelSettings,
  place: ObservedPlace = ON_CPU,
): Promise<PreparedImportance> {
  requiredKernels();
  const { text: textName, sequences, tokens } = spec;
  const { cacheFolder } = settings;
  const textPath = locateText(textName, settings);
  const textDigest = await digestOf(textPath, cacheFolder);
  const of = {
    textPath,
    textName,
    windows: { scheme: 'chunks' },
    sequences,
    tokens,
    engine,
    cacheFolder,
  } as const;
  return {
    ingredients: { importance: `${textDigest} ${sequences}×${tokens}` },
    name: textName,
    prepare: (modelPath, modelDigest, context) =>
      importanceMatrixFor({ ...of, modelPath, modelDigest }, { ...context, place }),
  };
}
