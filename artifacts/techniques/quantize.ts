import type { QuantizationSpec } from '../../core/techniques/quantization.js';
import { QUANTIZE } from '../../engines/runners/jobs.js';
import { taskOf } from '../../process/isolation/job.js';
import type { PreparedImportance } from '../calibration/importance.js';
import type { Step } from '../files/step.js';

export interface QuantizeStep {
  /** As the experiment has it. */
  readonly setting: string;
  readonly spec: QuantizationSpec;
  readonly runnerKind: string;
  /** The engine's release; releases may round differently. */
  readonly engine: string;
  /** null = the types that are wanted need none. */
  readonly importance: PreparedImportance | null;
}

/** @returns the step that quantizes by the engine of a runner. */
export function quantizeStep({ setting, spec, runnerKind, engine, importance }: QuantizeStep): Step {
  return {
    recipe: `quantize(${setting})`,
    ingredients: { engine, ...importance?.ingredients },
    // Room for the input's size is asked for: most quantizations are smaller, and the engine finds out the rest.
    bytes: (inputBytes) => inputBytes,
    async taskFor(inputPath, digest, context) {
      const threads = Math.max(1, context.cpus.length);
      const imatrix =
        importance === null
          ? null
          : { path: await importance.prepare(inputPath, digest, context), name: importance.name };
      return (outputPath) =>
        taskOf(QUANTIZE, {
          runnerKind,
          inputPath,
          outputPath,
          quantization: spec,
          imatrix,
          threads,
        });
    },
  };
}
