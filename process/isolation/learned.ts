import type { AxisValue } from '../../core/experiment/experiment.js';

/** What a child that has made a file says of it. */
export interface Learned {
  readonly warnings: readonly string[];
  /** What was learned on the way, flat, for the record. */
  readonly facts: Readonly<Record<string, AxisValue>>;
  /** What is kept beside the file as JSON: too much for a record. */
  readonly report?: unknown;
}
