import { taskOf } from '../../process/isolation/job.js';
import type { Step } from '../files/step.js';
import { CUT_LAYERS } from '../shape/jobs.js';

/** Changes whenever the same layers would be left out in other bytes. */
const CUTTER = '1';

/** @returns the step that leaves out all layers but the first. */
export function cutLayersStep(kept: number): Step {
  return {
    recipe: `first-layers(${kept})`,
    ingredients: { cutter: CUTTER },
    bytes: (inputBytes) => inputBytes,
    taskFor: async (inputPath) => (outputPath) => taskOf(CUT_LAYERS, { inputPath, outputPath, kept }),
  };
}
