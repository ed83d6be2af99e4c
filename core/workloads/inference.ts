import { z } from 'zod';
import { integerBetween, orNull, textUpTo } from '../bounds.js';
import { readable } from '../experiment/rule.js';
import { readSizes } from '../inference/sizes.js';
import { EVERY_ROW, type WorkloadKind } from './workload.js';

/**
 * Any graph of tensors, as encoders, vision and audio models are: one run after the other, of inputs that
 * stay.
 */
export const inference = {
  kind: 'inference',
  summary:
    'a graph of tensors, run again and again on random inputs of its own types: latency and items per second',
  options: z.strictObject({
    items: integerBetween(1, 65_536)
      .default(1)
      .describe(
        'Items of one run: the size of each input’s first dimension, where the graph leaves it open.',
      ),
    size: integerBetween(1, 1_048_576)
      .default(128)
      .describe('Size of every other dimension that the graph leaves open and sizes does not name.'),
    sizes: orNull(textUpTo(1000)).describe(
      'Sizes of open dimensions by their names, such as `sequence=128,height=224`.',
    ),
    inputSeed: integerBetween(0, 0xffff_ffff).default(1).describe('Seed of the random inputs.'),
  }),
  needs: 'tensor-graph',
  lessMemory: 'Lower items or sizes.',
  rules: [readable('sizes', readSizes)],
  objectives: [{ metric: 'itemsPerSecond', better: 'max' }],
  gives: {
    model: EVERY_ROW,
    inference: EVERY_ROW,
  },
  keyMetrics: ['itemsPerSecond', 'inferenceP50Seconds', 'inferenceP99Seconds'],
  withinContext: () => ({}),
  alsoKnownAs: {},
} satisfies WorkloadKind;
