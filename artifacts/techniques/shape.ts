import type { SlidingWindow } from '../../core/techniques/attention.js';
import { taskOf } from '../../process/isolation/job.js';
import type { Step } from '../files/step.js';
import { CUT_LAYERS, GIVE_WINDOW, GROUP_HEADS } from '../shape/jobs.js';

/** Each changes whenever the same request would be written in other bytes. */
const [CUTTER, GROUPER, WRITER] = ['1', '1', '1'];
/** Sinks of every layer, and a few keys. */
const MORE_BYTES = 2 ** 20;

/** @returns the step that leaves out all layers but the first. */
export function cutLayersStep(kept: number): Step {
  return {
    recipe: `first-layers(${kept})`,
    ingredients: { cutter: CUTTER },
    taskFor: async (inputPath) => (outputPath) => taskOf(CUT_LAYERS, { inputPath, outputPath, kept }),
  };
}

/** @returns the step that groups the K/V heads of each layer into fewer, by their mean. */
export function groupHeadsStep(kvHeads: number): Step {
  return {
    recipe: `group-heads(${kvHeads})`,
    ingredients: { grouper: GROUPER },
    taskFor: async (inputPath) => (outputPath) => taskOf(GROUP_HEADS, { inputPath, outputPath, kvHeads }),
  };
}

/**
 * @returns the step that gives the layers of a model a sliding window; weights of every type stay as they
 *   are.
 */
export function windowStep(window: SlidingWindow): Step {
  const { tokens, fullEvery } = window;
  return {
    recipe: fullEvery === 0 ? `window(${tokens})` : `window(${tokens}, full every ${fullEvery})`,
    ingredients: { writer: WRITER },
    bytes: (inputBytes) => inputBytes + MORE_BYTES,
    taskFor: async (inputPath) => (outputPath) => taskOf(GIVE_WINDOW, { inputPath, outputPath, ...window }),
  };
}
