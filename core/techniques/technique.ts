import type { z } from 'zod';

/** A Technique is what is varied on a model before it runs. One technique is one axis of a sweep. */
export interface Technique {
  /** The axis: `quantization`, `sparsity`. */
  readonly name: string;
  /** What the axis can hold at one point, with its default and help. */
  readonly value: z.ZodDefault<z.ZodEnum>;
  /** Words the field knows that cannot be swept (yet), and why. */
  readonly refused: ReadonlyMap<string, string>;
  /** Other spellings people use for a value: lower case → ours. */
  readonly alsoKnownAs: Readonly<Record<string, string>>;
}
