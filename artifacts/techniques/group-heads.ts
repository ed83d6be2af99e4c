import { taskOf } from '../../process/isolation/job.js';
import type { Step } from '../files/step.js';
import { GROUP_HEADS } from '../shape/jobs.js';

/** Changes whenever the same heads would be grouped into other bytes. */
const GROUPER = '1';

/** @returns the step that groups the K/V heads of each layer into fewer, by their mean. */
export function groupHeadsStep(kvHeads: number): Step {
  return {
    recipe: `group-heads(${kvHeads})`,
    ingredients: { grouper: GROUPER },
    bytes: (inputBytes) => inputBytes,
    taskFor: async (inputPath) => (outputPath) => taskOf(GROUP_HEADS, { inputPath, outputPath, kvHeads }),
  };
}
