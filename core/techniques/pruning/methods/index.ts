import { dsnot } from './dsnot.js';
import { magnitude, magnitudeRow } from './magnitude.js';
import type { Chooser, Method } from './method.js';
import { sparsegpt } from './sparsegpt.js';
import { type Swaps, swapsAfter } from './swaps.js';
import { wanda } from './wanda.js';

/** Every pruning method, by the word that a sweep has for it; one line for each. */
const ALL = [magnitude, magnitudeRow, wanda, sparsegpt, dsnot] as const;

/** What a method that a sweep has a word for is set to. */
export type NamedMethod = ReturnType<(typeof ALL)[number]['fromSettings']>;

/** What a method is set to, refined by swaps or not. */
export type PruningMethod = NamedMethod | Swaps<NamedMethod>;

/** A method is only ever asked about what it made itself: it is found by the kind. */
export const PRUNING_METHODS = ALL as unknown as readonly Method<NamedMethod>[];

const REFINED = swapsAfter<NamedMethod>(({ kind }) => PRUNING_METHODS.find((known) => known.kind === kind)!);

const CHOOSERS = [...PRUNING_METHODS, REFINED] as unknown as readonly Chooser<PruningMethod>[];

/** @returns the method whose settings these are. @throws Error for a kind that no method has. */
export function methodOf({ kind }: PruningMethod): Chooser<PruningMethod> {
  const method = CHOOSERS.find((known) => known.kind === kind);
  if (method === undefined) throw new Error(`there is no pruning method ${JSON.stringify(kind)}`);
  return method;
}
