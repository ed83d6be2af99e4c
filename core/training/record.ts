import { z } from 'zod';
import { digestSchema } from '../digest.js';
import { TRAINING_METHODS } from './methods.js';

const bytes = z.number();
const seconds = z.array(z.number());

/** What training gave, step by step: enough to recompute every figure of it. */
export const trainingRecordSchema = z.object({
  method: z.enum(TRAINING_METHODS),
  trainableParameters: z.number().int(),
  /** Of the model that is trained on. */
  baseParameters: z.number().int(),
  /** Windows that were trained on and, at the end of the text, those that were not. */
  windows: z.number().int(),
  heldOutWindows: z.number().int(),
  /** In one step. */
  sequencesPerStep: z.number().int(),
  windowTokens: z.number().int(),
  /** Of prompts with answers, one a window; absent for a text. */
  examples: z
    .object({
      /** Tokens that the losses of all steps are of. */
      learntTokens: z.number().int(),
      /** Of the file: longer than a window. */
      leftOut: z.number().int(),
    })
    .optional(),
  /** Mean loss of each step in nats, before the step; warm-up steps included, as in all that follows. */
  losses: z.array(z.number()),
  /** Mean loss on the windows that were held out; null without any. */
  evalBefore: z.number().nullable(),
  evalAfter: z.number().nullable(),
  /** Of each step. The parts lack what it takes to fill in a batch. */
  stepSeconds: z.object({ whole: seconds, forward: seconds, backward: seconds, optimizer: seconds }),
  memory: z.object({
    weights: bytes,
    gradients: bytes,
    optimizer: bytes,
    activations: bytes,
    inputs: bytes,
  }),
  /** The file that was made, beside the artifacts of the node; null when none was kept. */
  made: z
    .object({
      kind: z.enum(['adapter', 'model']),
      digest: digestSchema,
      bytes: z.number(),
      /** Of the weights that were trained, without the base. */
      parameters: z.number().int(),
    })
    .nullable(),
});

export type TrainingRecord = z.infer<typeof trainingRecordSchema>;
