import { dsnot } from './dsnot.js';
import { magnitude, magnitudeRow } from './magnitude.js';
import type { Method } from './method.js';
import { sparsegpt } from './sparsegpt.js';
import { wanda } from './wanda.js';

/** Every pruning method, by the word that a sweep has for it; one line for each. */
const ALL = [magnitude, magnitudeRow, wanda, sparsegpt, dsnot] as const;

/** What a method is set to. */
export type PruningMethod = ReturnType<(typeof ALL)[number]['fromSettings']>;

/** A method is only ever asked about what it made itself: `methodOf` finds it by the kind. */
export const PRUNING_METHODS = ALL as unknown as readonly Method<PruningMethod>[];

/** @returns the method whose settings these are. @throws Error for a kind that no method has. */
export function methodOf({ kind }: PruningMethod): Method<PruningMethod> {
  const method = PRUNING_METHODS.find((known) => known.kind === kind);
  if (method === undefined) throw new Error(`there is no pruning method ${JSON.stringify(kind)}`);
  return method;
}
