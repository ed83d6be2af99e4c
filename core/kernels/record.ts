import { z } from 'zod';
import { OP_TYPES } from './op.js';

/** What running an op gave: enough to compute every figure of it again. */
export const kernelRecordSchema = z.object({
  op: z.string(),
  /** The one that ran, where the sweep asked for the best. */
  variant: z.string(),
  type: z.enum(OP_TYPES),
  /** By the names of the op's parameters, those at their fallbacks included. */
  shape: z.record(z.string(), z.number()),
  threads: z.number().int(),
  cache: z.enum(['warm', 'cold']),
  /** Of one call. A multiply and an add are two. */
  flops: z.number(),
  /** What one call has to move at least. */
  bytes: z.number(),
  /** Sets of inputs that were gone through in turn. */
  sets: z.number().int(),
  memoryBytes: z.number(),
  facts: z.record(z.string(), z.number()),
  /**
   * The largest error over what is allowed, against the reference in double precision; before anything was
   * timed.
   */
  check: z.object({ error: z.number(), compared: z.number().int(), of: z.number().int() }),
  /** Seconds of each call, one list per repeat. */
  callSeconds: z.array(z.array(z.number())),
});

export type KernelRecord = z.infer<typeof kernelRecordSchema>;
