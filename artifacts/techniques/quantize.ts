import type { GraphQuantization } from '../../core/techniques/graph-quantization.js';
import type { QuantizationSpec } from '../../core/techniques/quantization.js';
import { QUANTIZE } from '../../engines/runners/jobs.js';
import { taskOf } from '../../process/isolation/job.js';
import type { PreparedImportance } from '../calibration/importance.js';
import { type Step, threadsIn } from '../files/step.js';
import { QUANTIZE_GRAPH } from '../onnx/job.js';

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

/**
 * @returns the step that quantizes by the engine of a runner. Most quantizations are smaller than the input,
 *   and the engine finds out the rest.
 */
export function quantizeStep({ setting, spec, runnerKind, engine, importance }: QuantizeStep): Step {
  return {
    recipe: `quantize(${setting})`,
    ingredients: { engine, ...importance?.ingredients },
    async taskFor(inputPath, digest, context) {
      const threads = threadsIn(context);
      const path = await importance?.prepare(inputPath, digest, context);
      const imatrix = importance === null || path === undefined ? null : { path, name: importance.name };
      const request = { runnerKind, inputPath, quantization: spec, imatrix, threads };
      return (outputPath) => taskOf(QUANTIZE, { ...request, outputPath });
    },
  };
}

/** Changes whenever the same graph would be quantized into other bytes. */
const QUANTIZER = '1';

/** @returns the step that quantizes an ONNX graph. */
export function quantizeGraphStep(setting: string, quantization: GraphQuantization): Step {
  return {
    recipe: `quantize(${setting})`,
    ingredients: { quantizer: QUANTIZER },
    taskFor: async (inputPath) => (outputPath) =>
      taskOf(QUANTIZE_GRAPH, { inputPath, outputPath, quantization }),
  };
}
