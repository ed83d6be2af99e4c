import { z } from 'zod';

const tensor = z.object({
  name: z.string(),
  /** As ONNX Runtime calls it: `float32`. */
  type: z.string(),
  shape: z.array(z.number().int()),
});

/** What running a graph gave: enough to compute every figure of it again. */
export const inferenceRecordSchema = z.object({
  /** Items of one run: pictures, sequences, windows of sound. */
  items: z.number().int().positive(),
  /** Tokens of one run, where items are texts. */
  tokens: z.number().int().positive().optional(),
  inputs: z.array(tensor),
  /** What it gave for the first run; empty shapes of what is no tensor. */
  outputs: z.array(tensor),
  /** Seconds of each run, one list per repeat. */
  runSeconds: z.array(z.array(z.number())),
});

export type InferenceRecord = z.infer<typeof inferenceRecordSchema>;
