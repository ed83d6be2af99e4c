import type { z } from 'zod';
import type { Rule } from '../experiment/rule.js';
import type { Capability } from './capability.js';

/** What a sweep may ask of a workload, as data; agent/workloads/<kind> does it. */
export interface WorkloadKind {
  readonly kind: string;
  readonly summary: string;
  /** One field per option: scalar type, range, default, help. Field order is axis order. */
  readonly options: z.ZodObject<Record<string, z.ZodDefault>>;
  /** What a runner has to offer for it. */
  readonly needs: Capability;
  /** What to ask less of where a trial does not fit into memory. */
  readonly lessMemory: string;
  readonly rules: readonly Rule[];
  /** The field's other spellings of its options → option name. */
  readonly alsoKnownAs: Readonly<Record<string, string>>;
}
