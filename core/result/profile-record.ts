import { z } from 'zod';
import { MODULES } from '../work/work.js';

const seconds = z.number().nonnegative();

/** One operator in one phase, all layers and passes together. */
const profiledOperator = z.object({
  module: z.enum(MODULES),
  /** The matrix or step, the same in every layer: `attn_q`. */
  operator: z.string(),
  /** The engine's name of the operation: ggml's `MUL_MAT`, ONNX's `MatMul`. */
  op: z.string(),
  calls: z.number().int().positive(),
  seconds,
  /**
   * What went in and came out of all calls together, and the operations that they asked, where the engine
   * tells it node by node.
   */
  bytes: z.number().nonnegative().optional(),
  flops: z.number().nonnegative().optional(),
  /** Inputs of its first call. */
  shape: z.string().optional(),
  /** Of ONNX Runtime: what computed it. */
  provider: z.string().optional(),
});

const profiledPhase = z.object({
  name: z.enum(['prefill', 'decode']),
  /** Tokens evaluated, all sequences together, and in how many passes of the engine. */
  tokens: z.number().int().positive(),
  passes: z.number().int().positive(),
  /** Median of the rounds in which nobody looked on. */
  plainSeconds: seconds,
  /** Of the round that is shown: the median one of those that were looked into. */
  profiledSeconds: seconds,
  /** Of that round: what the nodes of the graph took. The rest is the engine's work around its graphs. */
  operators: z.array(profiledOperator),
});

/**
 * Per-operator times of a run of its own, after the timed one, in which every node of the graph is run alone.
 */
export const profileRecordSchema = z.object({
  /** Rounds of each kind, interleaved. */
  rounds: z.number().int().positive(),
  phases: z.array(profiledPhase),
});

export type ProfileRecord = z.infer<typeof profileRecordSchema>;
export type ProfiledPhase = ProfileRecord['phases'][number];
export type ProfiledOperator = ProfiledPhase['operators'][number];

/** @returns what looking on cost: 0.1 = a tenth longer than without. */
export function profileCost({ plainSeconds, profiledSeconds }: ProfiledPhase): number {
  return profiledSeconds / plainSeconds - 1;
}

/** @returns seconds of the nodes of the graph. */
export function nodeSeconds({ operators }: ProfiledPhase): number {
  return operators.reduce((sum, { seconds }) => sum + seconds, 0);
}
