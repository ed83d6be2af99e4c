import type { SlidingWindow } from '../../core/techniques/attention.js';
import { taskOf } from '../../process/isolation/job.js';
import type { Step } from '../files/step.js';
import { GIVE_WINDOW } from '../shape/jobs.js';

/** Changes whenever the same window would be given in other bytes. */
const WRITER = '1';
/** Sinks of every layer, and a few keys. */
const MORE_BYTES = 2 ** 20;

/** @returns the step that gives the layers of a model a sliding window; weights of every type stay as they are. */
export function windowStep({ tokens, fullEvery }: SlidingWindow): Step {
  return {
    recipe: fullEvery === 0 ? `window(${tokens})` : `window(${tokens}, full every ${fullEvery})`,
    ingredients: { writer: WRITER },
    bytes: (inputBytes) => inputBytes + MORE_BYTES,
    taskFor: async (inputPath) => (outputPath) =>
      taskOf(GIVE_WINDOW, {
        inputPath,
        outputPath,
        tokens,
        fullEvery,
      }),
  };
}
