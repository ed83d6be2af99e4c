import type { z } from 'zod';
import type { Rule } from '../sweep/rule.js';

/**
 * What a sweep may ask of a runner, as data: its options at ONE point and what it can do. The engine
 * itself lives in agent/runners/<kind>; nothing here opens it.
 */
export interface RunnerKind {
  readonly kind: string;
  readonly summary: string;
  /** One field per option: scalar type, range, default, help. Field order is axis order. */
  readonly options: z.ZodObject<Record<string, z.ZodDefault>>;
  /** Device classes it can use, without refinement: `cuda` covers `cuda:h100`. */
  readonly devices: readonly string[];
  /** Techniques whose results it can run. */
  readonly techniques: readonly string[];
  /** Workloads it can be asked for. */
  readonly workloads: readonly string[];
  /** False for runners that open no model file: facts of models do not matter to them. */
  readonly opensModel: boolean;
  readonly rules: readonly Rule[];
  /** The field's other spellings of its options (llama-bench flags and columns) → option name. */
  readonly alsoKnownAs: Readonly<Record<string, string>>;
}
