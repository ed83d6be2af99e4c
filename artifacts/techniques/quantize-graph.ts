import type { GraphQuantization } from '../../core/techniques/graph-quantization.js';
import { taskOf } from '../../process/isolation/job.js';
import type { Step } from '../files/step.js';
import { QUANTIZE_GRAPH } from '../onnx/job.js';

/** Changes whenever the same graph would be quantized into other bytes. */
const QUANTIZER = '1';

/** @returns the step that quantizes an ONNX graph. */
export function quantizeGraphStep(setting: string, quantization: GraphQuantization): Step {
  return {
    recipe: `quantize(${setting})`,
    ingredients: { quantizer: QUANTIZER },
    bytes: (inputBytes) => inputBytes,
    taskFor: async (inputPath) => (outputPath) =>
      taskOf(QUANTIZE_GRAPH, { inputPath, outputPath, quantization }),
  };
}
