import { z } from 'zod';
import { above0, integerBetween, numberBetween, textUpTo } from '../bounds.js';
import { BUILTIN_TEXT } from '../techniques/calibration-spec.js';
import { isExamples } from './example.js';
import {
  SCHEDULES,
  TRAINING_METHODS,
  TRAINING_TARGETS,
  type TrainingSettings,
  type TrainingTargets,
} from './methods.js';

/** Of a window, where a sweep does not say. */
export const WINDOW_TOKENS = 128;

/** Of the workload `finetune`: one field an option; field order is axis order. */
export const trainingOptions = z.strictObject({
  method: z
    .enum(TRAINING_METHODS)
    .default('lora')
    .describe('What is trained; qlora is lora, and refuses a base that is not quantized.'),
  rank: integerBetween(1, 1024).default(8).describe('r of the adapter: columns of B and rows of A.'),
  alpha: above0(65_536).default(16).describe('B A is multiplied by alpha / r, under rslora by alpha / √r.'),
  targets: z
    .enum(Object.keys(TRAINING_TARGETS) as TrainingTargets[])
    .default('all')
    .describe('The matrices of each layer that get an adapter.'),
  trainedLayers: integerBetween(1, 1000)
    .default(2)
    .describe('Of freeze: how many layers at the end are trained.'),
  learningRate: above0(1).default(0.0005).describe('Rate of AdamW after its rise.'),
  learningRateRatio: numberBetween(1, 1000)
    .default(16)
    .describe('Of lora-plus: the rate of B over the rate of A.'),
  weightDecay: numberBetween(0, 1).default(0).describe('Decay of AdamW, on matrices alone.'),
  schedule: z
    .enum(SCHEDULES)
    .default('constant')
    .describe('The learning rate after its rise: constant, or falling to 0 by a line or half a cosine.'),
  rampSteps: integerBetween(0, 1e6).default(0).describe('Steps over which the learning rate rises.'),
  steps: integerBetween(1, 1e6).default(30).describe('Steps of the optimizer.'),
  sequencesPerStep: integerBetween(1, 256).default(1).describe('Windows of the text in one step.'),
  windowTokens: integerBetween(2, 131_072).default(WINDOW_TOKENS).describe('Tokens of a window.'),
  text: textUpTo(4096)
    .default(BUILTIN_TEXT)
    .describe(
      `What is trained on: \`${BUILTIN_TEXT}\`, or a path below a model folder of the node. Of a .jsonl file of prompts with answers (\`prompt\` and \`completion\`, or \`messages\`) the answers alone are learnt.`,
    ),
  heldOutShare: numberBetween(0, 0.5)
    .default(0.1)
    .describe("Share of the text's windows, at its end, that only the loss before and after is taken from."),
  seed: integerBetween(0, 0x7fff_ffff).default(1).describe('Of the first A and the order of windows.'),
});

/** @returns what the options of one point set a training to. */
export function trainingSettings({
  sequencesPerStep,
  text,
  ...settings
}: z.output<typeof trainingOptions>): TrainingSettings {
  return {
    ...settings,
    sequences: sequencesPerStep,
    answersOnly: isExamples(text),
  };
}
