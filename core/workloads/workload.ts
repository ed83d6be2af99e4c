import type { z } from 'zod';
import type { Rule } from '../sweep/rule.js';

/** What a sweep may ask of a workload, as data; agent/workloads/<kind> does it. */
export interface WorkloadKind {
  readonly kind: string;
  readonly summary: string;
  /** One field per option: scalar type, range, default, help. Field order is axis order. */
  readonly options: z.ZodObject<Record<string, z.ZodDefault>>;
  readonly rules: readonly Rule[];
  /** The field's other spellings of its options → option name. */
  readonly alsoKnownAs: Readonly<Record<string, string>>;
}
