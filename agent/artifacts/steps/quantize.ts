import type { QuantizationSpec } from '../../../core/techniques/quantization.js';
import type { Step } from '../step.js';

/** @returns the step that quantizes by the engine of a runner; releases may round differently. */
export function quantizeStep(word: string, spec: QuantizationSpec, runnerKind: string, engine: string): Step {
  return {
    recipe: `quantize(${word})`,
    ingredients: { engine },
    // Room for the input's size is asked for: most quantizations are smaller, and the engine finds out the rest.
    bytes: (inputBytes) => inputBytes,
    async orderFor(inputPath, _digest, { cpus }) {
      const threads = Math.max(1, cpus.length);
      return (outputPath) => ({
        order: 'quantize',
        runnerKind,
        inputPath,
        outputPath,
        quantization: spec.type,
        threads,
      });
    },
  };
}
